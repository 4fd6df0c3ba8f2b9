/** Percentiles by kind of call, p50 to p99, on a logarithmic axis with the objective marked; the slowest first. */
import { formatKey, isSingle } from '../lib/request-key.ts';
import type { LatencyRow } from '../lib/latency.ts';
import { escape, logScale, milliseconds, px } from './svg.ts';

const width = 640;
const rowHeight = 20;
const rowsMax = 24;
const plot = { left: 262, right: width - 64, top: 24 };
const objectiveMs = 1000;
const nameMax = 40;

export function latencyPlot(title: string, rows: readonly LatencyRow[]): string {
  const slowest = [...rows].filter(({ count }) => count > 0).sort((a, b) => b.p99 - a.p99).slice(0, rowsMax);
  if (slowest.length === 0) return '';
  const least = Math.max(0.1, Math.min(...slowest.map(({ p50 }) => p50)));
  const x = logScale(least, Math.max(objectiveMs, ...slowest.map(({ p99 }) => p99)), plot.left, plot.right);
  const bottom = plot.top + slowest.length * rowHeight;
  const grid = x.ticks.map((tick) => `<line class="grid" x1="${px(x(tick))}" x2="${px(x(tick))}" y1="${plot.top - 4}" y2="${bottom}"/><text class="tick" x="${px(x(tick))}" y="${plot.top - 10}" text-anchor="middle">${milliseconds(tick)}</text>`);
  const objective = `<line class="objective" x1="${px(x(objectiveMs))}" x2="${px(x(objectiveMs))}" y1="${plot.top - 4}" y2="${bottom}"><title>1 s: the objective of writes and of reads of one object</title></line>`;
  const drawn = slowest.map((row, index) => {
    const y = plot.top + index * rowHeight + rowHeight / 2;
    const [p50, p90, p99] = [x(row.p50), x(row.p90), x(row.p99)];
    const name = formatKey(row);
    const isSlow = isSingle(row) && row.p99 > objectiveMs;
    return `<g><title>${escape(`${name}: ${row.count} calls, p50 ${milliseconds(row.p50)}, p90 ${milliseconds(row.p90)}, p99 ${milliseconds(row.p99)}`)}</title>
<rect class="row-hit" x="0" y="${px(y - rowHeight / 2)}" width="${width}" height="${rowHeight}"/>
<text class="row-name" x="${plot.left - 10}" y="${px(y + 4)}" text-anchor="end">${escape(name.length > nameMax ? `${name.slice(0, nameMax - 1)}…` : name)}</text>
<line class="range" x1="${px(p50)}" x2="${px(p99)}" y1="${px(y)}" y2="${px(y)}"/>
<circle class="dot50" cx="${px(p50)}" cy="${px(y)}" r="3.4"/><circle class="dot90" cx="${px(p90)}" cy="${px(y)}" r="3.4"/><circle class="dot99${isSlow ? ' slow' : ''}" cx="${px(p99)}" cy="${px(y)}" r="4.2"/>
<text class="row-value" x="${width - 2}" y="${px(y + 4)}" text-anchor="end">${milliseconds(row.p99)}</text></g>`;
  });
  const rest = rows.length > slowest.length ? ` the slowest ${slowest.length} of ${rows.length};` : '';
  return `<figure class="chart">
<figcaption>${escape(title)}<span class="unit">${rest} logarithmic; p99 at the right</span></figcaption>
<svg viewBox="0 0 ${width} ${bottom + 6}" role="img" aria-label="${escape(`${title}: p99 of ${slowest.map((row) => `${formatKey(row)} ${milliseconds(row.p99)}`).join(', ')}`)}">
${grid.join('')}${objective}
${drawn.join('\n')}
</svg>
<div class="legend"><span><i class="dot50"></i>p50</span><span><i class="dot90"></i>p90</span><span><i class="dot99"></i>p99</span><span><i class="objective"></i>objective, 1 s</span></div>
</figure>`;
}
