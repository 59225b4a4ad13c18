// The report's style sheet: system fonts, light and dark, one column on a phone.

import { type Html, html } from "./html.ts";

// A template of its own, so that nothing in it is escaped. Contrast of text and lines is at least 4.5 and 3 to 1 in both schemes.
export const STYLE: Html = html`
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2128;--quiet:#59636e;--line:#d9dee4;--panel:#f5f7f9;--one:#0b62c4;--two:#c2410c;--three:#15803d;--four:#7e22ce;--five:#be185d;--six:#0e7490;--seven:#854d0e;--eight:#475569;--hit:11 98 196;--miss:194 65 12;--on:#fff}
@media (prefers-color-scheme:dark){:root{--paper:#0f1318;--ink:#e4e9ef;--quiet:#98a3b0;--line:#2c343d;--panel:#171d24;--one:#6cb4ff;--two:#ffa25f;--three:#6ee787;--four:#d2a8ff;--five:#ff9bce;--six:#67e8f9;--seven:#e3b341;--eight:#b6c2cf;--hit:108 180 255;--miss:255 162 95;--on:#0f1318}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;overflow-wrap:break-word}
main{max-width:1080px;margin:0 auto;padding:24px 16px 64px}
h1{margin:0 0 16px;font-size:clamp(1.4rem,5vw,2rem);line-height:1.2}
h2{margin:40px 0 12px;font-size:1.15rem}
p{margin:0 0 8px}
ul{padding-left:20px}
h1,code,.settings td{overflow-wrap:anywhere}
code{font:.85em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.kicker,.quiet{color:var(--quiet);font-size:.875rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(104px,1fr));gap:8px;margin:0 0 12px}
.figures div{padding:10px 14px;background:var(--panel);border-radius:10px}
.figures dd{margin:0;white-space:nowrap;font-size:1.45rem;font-weight:650;font-variant-numeric:tabular-nums}
.figures dt{color:var(--quiet);font-size:.8rem}
.figures div{display:flex;flex-direction:column}
.notes{margin-top:24px;padding:12px 16px;border-left:4px solid var(--two);background:var(--panel);border-radius:0 10px 10px 0}
.notes h2{margin:0 0 4px}
.notes ul{margin:4px 0}
summary{cursor:pointer}
section>details{margin-top:12px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));gap:16px}
figure{margin:0;padding:12px 12px 6px;background:var(--panel);border-radius:10px;min-width:0}
figcaption{margin-bottom:4px;font-size:.9rem;font-weight:650}
.key{margin-left:10px;font-weight:400;font-size:.8rem;color:var(--quiet);white-space:nowrap}
.key::before{content:"";display:inline-block;width:14px;height:3px;margin-right:5px;vertical-align:middle;border-radius:2px}
.s1{--tone:var(--one)}.s2{--tone:var(--two)}.s3{--tone:var(--three)}.s4{--tone:var(--four)}.s5{--tone:var(--five)}.s6{--tone:var(--six)}.s7{--tone:var(--seven)}.s8{--tone:var(--eight)}
.key::before{background:var(--tone)}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--quiet);font-size:13px}
.grid{stroke:var(--line);stroke-width:1}
.wall{stroke:var(--quiet);stroke-width:1;stroke-dasharray:3 3}
.diagonal{stroke:var(--two);stroke-width:1.5;stroke-dasharray:5 4}
.series path{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}
.series circle{stroke:var(--panel);stroke-width:1}
.series path{stroke:var(--tone)}.series circle,.dot circle{fill:var(--tone)}
.dot line{stroke:var(--tone);stroke-width:1.5;opacity:.55}
.dot text{fill:var(--ink);paint-order:stroke;stroke:var(--panel);stroke-width:4px;stroke-linejoin:round}
.bin{fill:var(--one)}
.pale{opacity:.4}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem}
th{font-weight:600;text-align:left}
.numbers{font-variant-numeric:tabular-nums}
.numbers td,.numbers th{padding:5px 14px 5px 0;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
.numbers th[scope=row]{text-align:left;white-space:normal;font-weight:500}
.numbers .words{text-align:left;white-space:normal}
.numbers thead th{color:var(--quiet);font-weight:500}
.numbers .phase th{padding-top:14px;text-align:left}
.networks{font-size:.85rem}
.networks thead th:nth-child(-n+2){text-align:left}
.networks small{color:var(--quiet)}
.networks th[scope=row]{position:sticky;left:0;background:var(--paper);white-space:nowrap}
.networks .key{margin:0;font-size:1em;font-weight:500;color:var(--ink)}
.networks .best .key{font-weight:700}
.bars{width:100%}
.bars .bar{width:40%;min-width:60px}
.bar span{display:block;height:10px;min-width:1px;background:var(--one);border-radius:3px}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:0 40px}
.matrix{font-size:.8rem;font-variant-numeric:tabular-nums}
.matrix td{min-width:32px;height:30px;padding:2px 4px;text-align:center}
.matrix .none{color:var(--line)}
.matrix .hit{background:rgb(var(--hit)/calc(.08 + .92*var(--share)))}
.matrix .miss{background:rgb(var(--miss)/calc(.12 + .88*var(--share)))}
.matrix .strong{color:var(--on);font-weight:600}
.matrix th[scope=row]{position:sticky;left:0;max-width:130px;padding:2px 10px 2px 0;text-align:right;font-weight:500;white-space:nowrap;overflow:hidden;text-overflow:ellipsis;background:var(--paper)}
.matrix thead th{height:96px;padding:0 0 6px;vertical-align:bottom;font-weight:500}
.matrix thead span{display:block;margin:0 auto;max-height:110px;writing-mode:vertical-rl;text-orientation:sideways;transform:rotate(180deg);white-space:nowrap;overflow:hidden}
.photos{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:14px;padding:0;list-style:none}
.photos li{padding:8px;background:var(--panel);border-radius:10px;font-size:.85rem}
.photos img,.photos .blank{display:block;width:100%;aspect-ratio:1;margin-bottom:6px;object-fit:contain;border-radius:6px;background:var(--line)}
.photos p{margin:0}
.tiles{grid-template-columns:repeat(auto-fill,minmax(104px,1fr));gap:8px}
.tiles li{padding:4px}
.tiles img,.tiles .blank{margin-bottom:2px}
.tiles code,.together code{display:block;font-size:.68rem;color:var(--quiet)}
.together{grid-template-columns:repeat(auto-fill,minmax(min(100%,310px),1fr))}
.together ul{display:grid;grid-template-columns:repeat(2,1fr);gap:8px;padding:0;list-style:none}
.together ul li{padding:0}
.answers{grid-template-columns:repeat(auto-fill,minmax(min(46%,216px),1fr))}
.answers dl{margin:4px 0}
.answers dl div{display:flex;gap:4px 8px;flex-wrap:wrap;justify-content:space-between;border-top:1px solid var(--line)}
.answers dt{color:var(--quiet);font-size:.78rem;overflow-wrap:anywhere}
.answers dd{margin:0 0 0 auto}
.answers .wrong{color:var(--two)}
.settings th{padding:3px 20px 3px 0;white-space:nowrap;vertical-align:top;font-weight:500;color:var(--quiet)}
.settings td{padding:3px 0}
@media (max-width:480px){.figures div{padding:8px 10px}.figures dd{font-size:1.2rem}.matrix{font-size:.75rem}.matrix td{min-width:26px;height:26px;padding:0}.epochs{font-size:.78rem}.bars .bar{display:none}.numbers td,.numbers th{padding-right:9px}}
@media print{figure,.photos li{break-inside:avoid}}
`;
