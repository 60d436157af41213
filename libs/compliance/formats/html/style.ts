/** The page's only style: one for screens and for paper. Colours have a contrast of at least 7:1 on white and 4.5:1 on their grounds. */
export const STYLE = `
:root{--ink:#16202b;--soft:#46525f;--line:#b9c2cc;--faint:#eef1f4;--navy:#12304f;--no:#8a1414;--no-ground:#fbe9e7;--exception:#6b4400;--exception-ground:#fdf1d8;--yes:#12502f;--yes-ground:#e6f3ea}
*{box-sizing:border-box}
body{margin:0 auto;max-width:78rem;padding:2.5rem 2rem 4rem;color:var(--ink);background:#fff;font:15px/1.5 "Liberation Sans","Helvetica Neue",Arial,sans-serif}
h1,h2,h3{font-family:"Liberation Serif",Georgia,"Times New Roman",serif;color:var(--navy);line-height:1.2;font-weight:700}
h1{font-size:2.3rem;margin:.4rem 0 .3rem}
h2{font-size:1.5rem;margin:3rem 0 .8rem;padding-bottom:.35rem;border-bottom:2px solid var(--navy)}
h3{font-size:1.12rem;margin:1.8rem 0 .5rem}
p{margin:.5rem 0;max-width:68rem}
a{color:var(--navy)}
a:focus-visible{outline:3px solid #1f6feb;outline-offset:2px}
code,.id{font-family:"Liberation Mono","SFMono-Regular",Consolas,monospace;font-size:.88em;overflow-wrap:anywhere}
pre{background:var(--faint);border:1px solid var(--line);padding:.8rem 1rem;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.88rem}
.skip{position:absolute;left:-9999px}.skip:focus{left:1rem;top:1rem;background:#fff;padding:.5rem}
.cover{border-top:.5rem solid var(--navy);padding-top:1.4rem}
.kicker{letter-spacing:.08em;text-transform:uppercase;font-size:.8rem;color:var(--soft);margin:0}
.period{font-size:1.2rem;margin:0 0 1.2rem}
.figures{display:grid;grid-template-columns:repeat(5,1fr);gap:.8rem;margin:1.4rem 0;padding:0;list-style:none}
.figures li{border:1px solid var(--line);border-top:4px solid var(--navy);padding:.7rem .9rem}
.figures b{display:block;font:700 1.8rem/1.1 "Liberation Serif",Georgia,serif}
.figures span{color:var(--soft);font-size:.9rem}
.figures .no{border-top-color:var(--no)}.figures .exception{border-top-color:#b77900}
dl.facts{display:grid;grid-template-columns:minmax(11rem,max-content) 1fr;margin:1rem 0;border-top:1px solid var(--line)}
dl.facts dt,dl.facts dd{margin:0;padding:.35rem .6rem .35rem 0;border-bottom:1px solid var(--line)}
dl.facts dt{color:var(--soft)}
nav ol{columns:2;column-gap:3rem;padding-left:1.4rem}
nav li{break-inside:avoid}
.wide{overflow-x:auto}
.three{display:grid;grid-template-columns:repeat(3,1fr);gap:0 2rem}
.sub{font-weight:400;color:var(--soft)}
table{border-collapse:collapse;width:100%;margin:.6rem 0 1.4rem;font-size:.88rem}
caption{text-align:left;font-weight:700;padding:.3rem 0 .5rem;color:var(--ink)}
th,td{text-align:left;vertical-align:top;padding:.38rem .55rem;border-bottom:1px solid var(--line)}
thead th{background:var(--faint);border-bottom:2px solid var(--soft);font-weight:700}
tbody th{font-weight:600}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.v{display:inline-block;white-space:nowrap;font-weight:700;padding:.05rem .5rem;border-radius:.2rem;border:1px solid currentColor}
.v.no,.v.not-met{color:var(--no);background:var(--no-ground)}
.v.exception,.v.exceptions{color:var(--exception);background:var(--exception-ground)}
.v.yes,.v.met{color:var(--yes);background:var(--yes-ground)}
.v.none,.v.nothing-to-test,.v.for-the-assessor{color:var(--ink);background:var(--faint)}
.note{border-left:4px solid var(--line);padding:.3rem .9rem;color:var(--soft)}
.warning{border-left:4px solid var(--no);padding:.3rem .9rem;background:var(--no-ground)}
.said{white-space:pre-line;overflow-wrap:anywhere}
td{overflow-wrap:anywhere}
td.short,th.short{white-space:nowrap;overflow-wrap:normal}
td.prose,th.prose{width:27%}
ul.plain{margin:.2rem 0;padding-left:1.1rem}
.sign{display:grid;grid-template-columns:1fr 1fr;gap:2.5rem 3rem;margin-top:2rem}
.sign div{border-top:1px solid var(--ink);padding-top:.3rem;margin-top:2.2rem;color:var(--soft)}
@media screen and (max-width:48rem){body{padding:1rem}.figures,.three{grid-template-columns:1fr 1fr}nav ol{columns:1}dl.facts{grid-template-columns:1fr}dl.facts dt{border:0;padding-bottom:0}}
@media print{
@page{size:A4;margin:16mm 14mm 18mm}
@page{@bottom-left{content:"Plimsoll compliance report";font:8pt sans-serif;color:#46525f}@bottom-right{content:counter(page) " / " counter(pages);font:8pt sans-serif;color:#46525f}}
body{max-width:none;padding:0;font-size:9.5pt}
h1{font-size:24pt}h2{font-size:15pt;break-after:avoid}h3{break-after:avoid}.page{break-before:page}.page h2{margin-top:0}
table{font-size:7.8pt;break-inside:auto}thead{display:table-header-group}tr,.figures li,dl.facts div,.sign,.three{break-inside:avoid}caption{break-after:avoid}
a{color:inherit;text-decoration:none}.wide{overflow:visible}.skip{display:none}
.v,thead th,pre,.figures li,.warning{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}
`;
