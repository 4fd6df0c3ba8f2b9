/** Runs in the page: the values under the pointer, in every chart with lines. */
export const script = `
for (const svg of document.querySelectorAll('svg[data-lines]')) {
  const lines = JSON.parse(svg.dataset.lines);
  const [left, right, first, last] = svg.dataset.x.split(',').map(Number);
  const cursor = svg.querySelector('.cursor');
  const tip = document.createElement('div');
  tip.className = 'tip';
  svg.parentElement.append(tip);
  const hide = () => { tip.style.visibility = cursor.style.visibility = 'hidden'; };
  svg.addEventListener('pointerleave', hide);
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    if (x < left || x > right) { hide(); return; }
    const at = first + ((x - left) / (right - left)) * (last - first);
    const rows = lines.flatMap(({ name, points }) => {
      const near = points.reduce((best, point) => (Math.abs(point[0] - at) < Math.abs(best[0] - at) ? point : best));
      return Math.abs(near[0] - at) > (last - first) / 20 ? [] : [name + ': ' + near[1].toLocaleString('en') + ' ' + svg.dataset.unit];
    });
    if (rows.length === 0) { hide(); return; }
    cursor.setAttribute('x1', x);
    cursor.setAttribute('x2', x);
    tip.replaceChildren(...[at.toFixed(svg.dataset.counted === 's' ? 1 : 0) + ' ' + svg.dataset.counted, ...rows].map((text) => Object.assign(document.createElement('div'), { textContent: text })));
    tip.style.visibility = cursor.style.visibility = 'visible';
    const place = event.clientX - svg.parentElement.getBoundingClientRect().left;
    tip.style.top = '40px';
    tip.style.left = (place > box.width / 2 ? place - tip.offsetWidth - 14 : place + 14) + 'px';
  });
}
`;
