/** Distributions of one chart one below the other, on one logarithmic axis, each with its percentiles. */
import type { Distribution } from './bench-report.ts';
import { escape, logScale, milliseconds, px, short } from './svg.ts';

const width = 640;
const rowHeight = 74;
const plot = { left: 12, right: width - 12, barTop: 26 };
/** Buckets grow by it: report/shapes.ts makes four for a doubling. */
const bucketGrowth = 2 ** 0.25;

export function histograms(title: string, distributions: readonly Distribution[]): string {
  const some = distributions.filter(({ summary }) => summary.count > 0);
  const bounds = some.flatMap(({ buckets }) => buckets.map(([bound]) => bound));
  const x = logScale(Math.min(...bounds) / bucketGrowth, Math.max(...bounds), plot.left, plot.right);
  const unit = some[0]?.unit ?? '';
  const text = (value: number) => (unit === 'ms' ? milliseconds(value) : `${short(value)} ${unit}`);
  const height = some.length * rowHeight + 22;
  const grid = x.ticks.map((tick) => `<line class="grid" x1="${px(x(tick))}" x2="${px(x(tick))}" y1="4" y2="${height - 20}"/><text class="tick" x="${px(x(tick))}" y="${height - 6}" text-anchor="${tick === x.ticks[0] ? 'start' : tick === x.ticks.at(-1) ? 'end' : 'middle'}">${text(tick)}</text>`);
  const rows = some.map(({ name, summary, buckets }, index) => {
    const top = index * rowHeight;
    const base = top + rowHeight - 4;
    const most = Math.max(...buckets.map(([, count]) => count));
    const bars = buckets.map(([bound, count]) => {
      const [left, right] = [x(bound / bucketGrowth), x(bound)];
      const size = (count / most) * (rowHeight - plot.barTop - 8);
      return `<rect class="bar c${index % 8}" x="${px(left)}" y="${px(base - size)}" width="${px(Math.max(1, right - left - 1))}" height="${px(size)}"><title>${escape(`${text(bound / bucketGrowth)} to ${text(bound)}: ${count}`)}</title></rect>`;
    });
    const marks = ([['p50', summary.p50], ['p99', summary.p99]] as const).map(([, value]) => `<line class="mark" x1="${px(x(value))}" x2="${px(x(value))}" y1="${top + plot.barTop - 4}" y2="${base}"/>`);
    const caption = `<text class="row-name" x="${plot.left}" y="${top + 15}">${escape(name)}</text><text class="row-value" x="${plot.right}" y="${top + 15}" text-anchor="end">${summary.count} · p50 ${text(summary.p50)} · p90 ${text(summary.p90)} · p99 ${text(summary.p99)} · max ${text(summary.max)}</text>`;
    return `${caption}${bars.join('')}${marks.join('')}<line class="base" x1="${plot.left}" x2="${plot.right}" y1="${base}" y2="${base}"/>`;
  });
  return `<figure class="chart">
<figcaption>${escape(title)}<span class="unit">${escape(unit)}, logarithmic; lines at p50 and p99</span></figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(`${title}: ${some.map(({ name, summary }) => `${name} p50 ${text(summary.p50)}, p99 ${text(summary.p99)}`).join('; ')}`)}">
${grid.join('')}
${rows.join('\n')}
</svg>
</figure>`;
}
