/** WATCH: hands the responder to the watch cache, and ends the stream when its time is up. */
import type { WatchSink } from '../watchcache/contract.ts';
import { type ResourceCall } from './call.ts';
import { booleanOf, integerOf, selectionOf } from './read-path.ts';
import { negotiateFor, warningHeaders } from './respond.ts';
import { watchEncoding } from './watch-encoding.ts';

/** Watches without a timeout end between these, so that not all reconnect at once. */
const timeoutSecondsMin = 1800;

export function serveWatch(call: ResourceCall): void {
  const { info, responder, parts } = call;
  const negotiated = negotiateFor(call, { stream: true });
  const encoding = watchEncoding(call, negotiated);
  const { query } = info;
  const asked = integerOf(query, 'timeoutSeconds');
  const timeoutMs = 1000 * (asked && asked > 0 ? asked : timeoutSecondsMin * (1 + parts.random.fraction()));

  const sent = parts.requests.watchEvents(info);
  const sink: WatchSink = {
    write(frames) {
      sent.add(frames.length);
      return responder.write(frames);
    },
    onDrain: (callback) => responder.onDrain(callback),
    end: () => responder.end(),
  };
  const watch = call.cache.watch({
    ...selectionOf(call),
    resourceVersion: query.get('resourceVersion') ?? undefined,
    resourceVersionMatch: query.get('resourceVersionMatch') ?? undefined,
    sendInitialEvents: booleanOf(query, 'sendInitialEvents'),
    continue: query.get('continue') ?? undefined,
    allowWatchBookmarks: booleanOf(query, 'allowWatchBookmarks') ?? false,
    encoding,
    sink,
  });
  responder.head(200, { 'content-type': encoding.contentType, 'cache-control': 'no-cache, private', ...warningHeaders(call.warnings) });
  const timer = parts.clock.after(timeoutMs, () => {
    watch.bookmark();
    watch.finish();
  });
  responder.onClose(() => {
    timer.cancel();
    watch.stop();
  });
}
