/** Figures of one unit as bars, each with the mark that it is held against. */
import { digits, targetText, verdict, type Figure } from './figure.ts';
import { escape, linearScale, px, short } from './svg.ts';

const width = 640;
const rowHeight = 26;
const plot = { left: 250, right: width - 70, top: 6 };
const nameMax = 40;

export function bars(title: string, figures: readonly Figure[]): string {
  const unit = figures[0]?.unit ?? '';
  const marks = figures.map(({ target }) => (target === undefined ? undefined : 'atLeast' in target ? target.atLeast : target.atMost));
  const x = linearScale(0, Math.max(...figures.map(({ value }) => value), ...marks.map((mark) => mark ?? 0), 1e-9), plot.left, plot.right);
  const bottom = plot.top + figures.length * rowHeight;
  const grid = x.ticks.map((tick) => `<line class="grid" x1="${px(x(tick))}" x2="${px(x(tick))}" y1="${plot.top}" y2="${bottom}"/><text class="tick" x="${px(x(tick))}" y="${bottom + 15}" text-anchor="middle">${short(tick)}</text>`);
  const rows = figures.map((figure, index) => {
    const top = plot.top + index * rowHeight;
    const mark = marks[index];
    const isBad = verdict(figure) === 'MISSED';
    const name = figure.name.length > nameMax ? `${figure.name.slice(0, nameMax - 1)}…` : figure.name;
    return `<g><title>${escape(`${figure.name}: ${digits(figure.value)} ${unit} ${targetText(figure)}`)}</title>
<text class="row-name" x="${plot.left - 10}" y="${top + 17}" text-anchor="end">${escape(name)}</text>
<rect class="bar ${isBad ? 'bad' : 'c0'}" x="${plot.left}" y="${top + 6}" width="${px(x(figure.value) - plot.left)}" height="${rowHeight - 10}" rx="2"/>
${mark === undefined ? '' : `<line class="target" x1="${px(x(mark))}" x2="${px(x(mark))}" y1="${top + 2}" y2="${top + rowHeight - 1}"/>`}
<text class="row-value" x="${width - 2}" y="${top + 17}" text-anchor="end">${digits(figure.value)}</text></g>`;
  });
  const marked = marks.some((mark) => mark !== undefined);
  return `<figure class="chart">
<figcaption>${escape(title)}<span class="unit">${escape(unit)}${marked ? '; the stroke is what it is held against' : ''}</span></figcaption>
<svg viewBox="0 0 ${width} ${bottom + 22}" role="img" aria-label="${escape(`${title}: ${figures.map((figure) => `${figure.name} ${digits(figure.value)} ${unit}`).join(', ')}`)}">
${grid.join('')}
${rows.join('\n')}
</svg>
</figure>`;
}
