/** The process as the operating system sees it, under the names that every Prometheus client uses. */
import { readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';
import type { Clock } from '../../base/clock.ts';
import type { MetricRegistry } from '../../base/metrics/registry.ts';

/** For one thread of the process: all of them would say the same. */
export function measureProcess(registry: MetricRegistry, clock: Clock): void {
  const cpu = registry.counter('process_cpu_seconds_total', 'CPU time of the process, in user and system mode.').with();
  const resident = registry.gauge('process_resident_memory_bytes', 'Resident memory of the process.').with();
  registry.gauge('process_start_time_seconds', 'When the process started, in seconds since the Unix epoch.').with().set(clock.now() / 1000 - process.uptime());
  registry.beforeSnapshot(() => {
    const { user, system } = process.cpuUsage();
    cpu.value = (user + system) / 1e6;
    resident.set(process.memoryUsage.rss());
  });
  if (process.platform === 'linux') measureProc(registry);
}

function measureProc(registry: MetricRegistry): void {
  const virtual = registry.gauge('process_virtual_memory_bytes', 'Address space of the process.').with();
  const open = registry.gauge('process_open_fds', 'Open files and sockets.').with();
  const limit = registry.gauge('process_max_fds', 'How many files and sockets may be open.').with();
  limit.set(Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity));
  registry.beforeSnapshot(() => {
    virtual.set(1024 * Number(/^VmSize:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]));
    open.set(readdirSync('/proc/self/fd').length);
  });
}
