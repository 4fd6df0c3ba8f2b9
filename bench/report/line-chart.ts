/** Lines over the time of a run, the run's phases behind them; or over what else the points count, with dots. */
import type { Phase, Series } from './bench-report.ts';
import { escape, exactScale, linearScale, logScale, px, seconds, short, timeUnit, type Scale } from './svg.ts';

const width = 640;
const height = 250;
const plot = { left: 52, right: width - 12, top: 26, bottom: height - 26 };
/** Where peaks tower so far above what is usual, a logarithmic axis shows both. */
const logFrom = 40;
const phaseLabelMin = 34;
/** Of the run's time: lines that span less are shown alone. */
const wholeFrom = 0.5;

export function lineChart(title: string, lines: readonly Series[], phasesOfRun: readonly Phase[]): string {
  const { unit = '', x: counted } = lines[0] ?? {};
  const phases = counted === undefined ? phasesOfRun : [];
  const all = lines.flatMap(({ points }) => points);
  const [start, end] = domainOf(all, phases);
  const x = exactScale(start, end, plot.left, plot.right, counted === undefined ? timeUnit(end - start) : 1);
  const y = valueScale(all.map(([, value]) => value));
  const dots = ({ points }: Series, index: number) => (counted === undefined ? '' : points.map(([at, value]) => `<circle class="bar c${index % 8}" cx="${px(x(at))}" cy="${px(y(value))}" r="3.5"/>`).join(''));
  const paths = lines.map((line, index) => `<path class="line c${index % 8}" d="${pathOf(line.points, x, y)}"/>${dots(line, index)}`);
  const data = JSON.stringify(lines.map(({ name, points }) => ({ name, points: points.map(([at, value]) => [px(at), Number(value.toPrecision(4))].map(Number)) })));
  return `<figure class="chart">
<figcaption>${escape(title)}<span class="unit">${escape(unit)}${counted === undefined ? '' : ` by ${escape(counted)}`}${y.ticks[0] !== 0 ? ', logarithmic' : ''}</span></figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(`${title}, ${unit}: ${lines.map(({ name }) => name).join(', ')}`)}" data-lines='${escape(data)}' data-x="${plot.left},${plot.right},${px(start)},${px(end)}" data-unit="${escape(unit)}" data-counted="${escape(counted ?? 's')}">
${phaseBands(phases, x, start, end)}
${axes(x, y, (tick) => (counted === undefined ? seconds(tick, end - start) : short(tick)))}
${paths.join('\n')}
<line class="cursor" y1="${plot.top}" y2="${plot.bottom}"/>
<rect class="hit" x="${plot.left}" y="${plot.top}" width="${plot.right - plot.left}" height="${plot.bottom - plot.top}"/>
</svg>
${legend(lines)}
</figure>`;
}

/** What happens in a small part of the run is shown as large as the rest. */
function domainOf(points: Series['points'], phases: readonly Phase[]): [number, number] {
  const first = Math.min(...points.map(([at]) => at));
  const last = Math.max(...points.map(([at]) => at));
  const whole = Math.max(last, ...phases.map(({ to }) => to));
  if (last - first > whole * wholeFrom) return [0, whole];
  const margin = (last - first) * 0.04;
  return [Math.max(0, first - margin), last + margin];
}

function valueScale(values: readonly number[]): Scale {
  const high = Math.max(...values, 1e-3);
  const positive = values.filter((value) => value > 0).sort((a, b) => a - b);
  const usual = positive[positive.length >> 1] ?? high;
  if (high / usual > logFrom && positive.length === values.length) return logScale(positive[0] as number, high, plot.bottom, plot.top);
  return linearScale(0, high, plot.bottom, plot.top, 4);
}

const pathOf = (points: Series['points'], x: Scale, y: Scale) => points.map(([at, value], index) => `${index === 0 ? 'M' : 'L'}${px(x(at))} ${px(y(value))}`).join('');

function axes(x: Scale, y: Scale, textOf: (tick: number) => string): string {
  const rows = y.ticks.map((tick) => `<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${px(y(tick))}" y2="${px(y(tick))}"/><text class="tick" x="${plot.left - 6}" y="${px(y(tick) + 3.5)}" text-anchor="end">${short(tick)}</text>`);
  const columns = x.ticks.map((tick) => `<text class="tick" x="${px(x(tick))}" y="${plot.bottom + 16}" text-anchor="middle">${textOf(tick)}</text>`);
  return [...rows, ...columns].join('');
}

function phaseBands(phases: readonly Phase[], x: Scale, start: number, end: number): string {
  return phases
    .map(({ name, from, to }, index) => {
      if (to <= start || from >= end) return '';
      const [left, right] = [x(Math.max(from, start)), x(Math.min(to, end))];
      const room = Math.floor((right - left - 6) / 5.6);
      const label = right - left < phaseLabelMin ? '' : name.length <= room ? name : `${name.slice(0, room - 1)}…`;
      return `<g><rect class="phase p${index % 2}" x="${px(left)}" y="${plot.top}" width="${px(Math.max(0.5, right - left))}" height="${plot.bottom - plot.top}"><title>${escape(name)}</title></rect><text class="phase-name" x="${px(left + 3)}" y="${plot.top - 8}">${escape(label)}</text></g>`;
    })
    .join('');
}

export function legend(lines: readonly { readonly name: string }[]): string {
  if (lines.length < 2) return '';
  return `<div class="legend">${lines.map(({ name }, index) => `<span><i class="c${index % 8}"></i>${escape(name)}</span>`).join('')}</div>`;
}
