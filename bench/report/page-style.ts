/** The page's style: light and dark, colours that stay apart for people who see fewer of them. */
export const style = `
:root{color-scheme:light dark;--bg:#fbfbfa;--card:#fff;--ink:#1c2024;--dim:#5d6670;--line:#e2e5e9;--grid:#edeff2;--band:#f4f6f8;--good:#11693a;--good-bg:#e3f4e9;--bad:#a61b1b;--bad-bg:#fde8e8;--accent:#0b63c4;
--c0:#0b63c4;--c1:#c2570c;--c2:#12805c;--c3:#8a3fb5;--c4:#a4770a;--c5:#c0306f;--c6:#3d6f8e;--c7:#6b6b6b}
@media(prefers-color-scheme:dark){:root{--bg:#131619;--card:#1b1f24;--ink:#e6e9ec;--dim:#9aa4ae;--line:#2d333a;--grid:#272c32;--band:#20252b;--good:#6fd69a;--good-bg:#15321f;--bad:#ff9a93;--bad-bg:#3b1717;--accent:#6cb2ff;
--c0:#6cb2ff;--c1:#ff9f5a;--c2:#54cfa2;--c3:#cf96f2;--c4:#e0bb52;--c5:#ff86b6;--c6:#8fc3de;--c7:#b5b5b5}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1400px;margin:0 auto;padding:28px 24px 64px}
h1{font-size:26px;margin:0 0 4px;letter-spacing:-.01em}h2{font-size:21px;margin:44px 0 4px;letter-spacing:-.01em}h3{font-size:15px;margin:26px 0 8px}
p{margin:4px 0}.dim,.unit{color:var(--dim)}.unit{font-weight:400;font-size:12.5px;margin-left:8px}
nav{display:flex;flex-wrap:wrap;gap:8px;margin:14px 0}nav a{color:var(--accent);text-decoration:none;border:1px solid var(--line);border-radius:99px;padding:3px 12px;background:var(--card)}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:12px;margin:16px 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px;display:flex;flex-direction:column;gap:2px}
.tile b{font-size:21px;font-weight:650;font-variant-numeric:tabular-nums}.tile span{font-size:13px;color:var(--dim);line-height:1.35}
.badge{display:inline-block;border-radius:5px;padding:0 7px;font-size:12px;font-weight:650;line-height:19px;white-space:nowrap}
.ok{color:var(--good);background:var(--good-bg)}.missed{color:var(--bad);background:var(--bad-bg)}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,560px),1fr));gap:16px;align-items:start}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px 10px;min-width:0;position:relative}
figcaption{font-weight:600;font-size:14px;margin-bottom:4px}
svg{display:block;width:100%;height:auto;overflow:visible}
text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:var(--ink)}
.tick,.phase-name{fill:var(--dim)}.phase-name{font-size:10px}.row-value{fill:var(--dim);font-variant-numeric:tabular-nums}
line.grid{stroke:var(--grid);stroke-width:1}.base{stroke:var(--line)}
.phase{fill:transparent}.phase.p0{fill:var(--band)}
.line{fill:none;stroke-width:1.7;stroke-linejoin:round;stroke-linecap:round}
${Array.from({ length: 8 }, (_, index) => `.line.c${index}{stroke:var(--c${index})}.bar.c${index}{fill:var(--c${index})}.legend i.c${index}{background:var(--c${index})}`).join('\n')}
.target{stroke:var(--ink);stroke-width:2}.bar.bad{fill:var(--bad)}
.mark{stroke:var(--ink);stroke-width:1;stroke-dasharray:3 3;opacity:.7}
.range{stroke:var(--dim);stroke-width:2;opacity:.5}.dot50{fill:var(--c2);background:var(--c2)}.dot90{fill:var(--c4);background:var(--c4)}.dot99{fill:var(--c0);background:var(--c0)}.dot99.slow{fill:var(--bad)}
.objective{stroke:var(--bad);stroke-dasharray:4 3;background:var(--bad)}.row-hit{fill:transparent}g:hover>.row-hit{fill:var(--band)}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;margin-top:6px;font-size:12.5px;color:var(--dim)}.legend i{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px}
.cursor{stroke:var(--dim);stroke-width:1;visibility:hidden}.hit{fill:transparent}
.tip{position:absolute;pointer-events:none;background:var(--ink);color:var(--bg);border-radius:6px;padding:5px 9px;font-size:12px;line-height:1.4;white-space:nowrap;z-index:2;visibility:hidden;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:10px}
table{border-collapse:collapse;width:100%;font-size:13.5px}th,td{text-align:left;padding:6px 12px;border-bottom:1px solid var(--line);vertical-align:top}tr:last-child td{border-bottom:0}
th{font-weight:600;color:var(--dim);font-size:12.5px;white-space:nowrap}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td.note{color:var(--dim);font-size:12.5px}
details{margin-top:14px}summary{cursor:pointer;color:var(--accent);font-size:14px;margin-bottom:8px}
@media print{figure,.scroll{break-inside:avoid}}
`;
