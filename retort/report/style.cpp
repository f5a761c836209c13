#include "retort/report/style.h"

namespace retort::report {
namespace {

constexpr std::string_view kStyle = R"(
:root {
  color-scheme: light dark;
  --paper: #ffffff; --page: #f4f5f7; --ink: #1c2430; --quiet: #5d6878; --line: #dfe3e9;
  --faint: #eceff3;
  --accent: #2f6fde; --right: #2b7a5b; --wrong: #d1452f; --on: #ffffff;
  --s0: #2f6fde; --s1: #d9730d; --s2: #2b8a66; --s3: #8b4fd9; --s4: #c23a72; --s5: #6b7280;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #1a1f27; --page: #11151b; --ink: #e6e9ee; --quiet: #9aa5b4; --line: #323a46;
    --faint: #262d37;
    --accent: #6ea3ff; --right: #4fc08f; --wrong: #ff7a63; --on: #11151b;
    --s0: #6ea3ff; --s1: #ffa94d; --s2: #4fc08f; --s3: #b794f6; --s4: #f27ba6; --s5: #a3acb9;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 56px; }
header { margin-bottom: 24px; }
h1 { margin: 0 0 8px; font-size: 30px; line-height: 1.2; letter-spacing: -0.01em;
  overflow-wrap: anywhere; }
h2 { margin: 0 0 14px; font-size: 19px; }
h3 { margin: 22px 0 10px; font-size: 15px; }
.verdict { margin: 0; max-width: 78ch; font-size: 18px; overflow-wrap: anywhere; }
section { margin: 0 0 18px; padding: 22px 24px; background: var(--paper);
  border: 1px solid var(--line); border-radius: 10px; }
.note { margin: 0 0 14px; color: var(--quiet); }
.wide { overflow-x: auto; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  margin: 22px 0 0; padding: 0; list-style: none; }
.tiles li { padding: 12px 16px; background: var(--paper); border: 1px solid var(--line);
  border-radius: 10px; }
.tiles b { display: block; font-size: 23px; font-weight: 600; line-height: 1.25;
  font-variant-numeric: tabular-nums; }
.tiles span { color: var(--quiet); font-size: 13px; }
table { border-collapse: collapse; }
th { text-align: left; font-weight: 600; font-size: 13px; color: var(--quiet); }
th, td { padding: 8px 14px; border-bottom: 1px solid var(--line); vertical-align: baseline; }
tr:last-child td { border-bottom: 0; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
td { overflow-wrap: break-word; }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.rows { width: 100%; }
.rows .own td { font-weight: 600; }
.meter { display: block; width: 100%; min-width: 90px; height: 4px; margin-top: 4px;
  background: var(--faint); border-radius: 2px; }
.meter i { display: block; height: 100%; background: var(--s5); border-radius: 2px; }
.own .meter i { background: var(--accent); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr));
  gap: 22px 28px; }
figure { margin: 0; }
figcaption { font-weight: 600; font-size: 14px; }
figcaption::first-letter { text-transform: uppercase; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; min-height: 1.5em; margin: 2px 0 0;
  color: var(--quiet); font-size: 13px; }
.legend i { display: inline-block; width: 14px; height: 3px; margin-right: 6px; border-radius: 2px;
  vertical-align: middle; }
svg { display: block; }
svg text { fill: var(--quiet); }
.lines { width: 100%; height: auto; margin-top: 4px; font-size: 11.5px; }
.lines .grid { stroke: var(--faint); }
.lines .axis { stroke: var(--line); }
.lines .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.lines .hover { fill: var(--ink); fill-opacity: 0; }
.lines .hover:hover { fill-opacity: 0.07; }
.bars { columns: 400px; column-gap: 36px; }
.bars.many { columns: 300px; }
.bar { display: grid; grid-template-columns: minmax(0, 1.15fr) minmax(0, 1fr) 4.2em 2.2em;
  gap: 10px; align-items: center; padding: 2px 0; font-size: 13px; break-inside: avoid; }
.bar .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bar .track { height: 9px; background: var(--faint); border-radius: 3px; overflow: hidden; }
.bar .track i { display: block; height: 100%; background: var(--accent); }
.bar .value, .bar .of { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums;
  }
.bar .of { color: var(--quiet); }
.bars + .note { margin: 12px 0 0; }
.confusion { display: flex; flex-wrap: wrap; gap: 8px 44px; }
.confusion > div { max-width: 100%; overflow-x: auto; }
.confusion > .pairs { flex: 0 1 auto; }
.confusion h3 { margin-top: 6px; }
.pairs table { font-size: 13.5px; }
.pairs th, .pairs td { padding: 4px 8px; }
.pairs th:first-child, .pairs td:first-child { padding-left: 0; }
.matrix { height: auto; }
.matrix .field { fill: var(--paper); }
.matrix .grid { stroke: var(--line); stroke-width: 0.5; fill: none; }
.matrix .title { font-size: 13px; }
.matrix .right rect { fill: var(--right); }
.matrix .wrong rect { fill: var(--wrong); }
.matrix g text { fill: var(--ink); font-size: 12px; }
.matrix g .on { fill: var(--on); }
.matrix g:hover rect { stroke: var(--ink); stroke-width: 1.5; }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; }
.key i { display: inline-block; width: 12px; height: 12px; margin-right: 6px; border-radius: 2px;
  vertical-align: -1px; }
.samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(114px, 1fr)); gap: 10px; }
.sample { padding: 10px; border: 1px solid var(--line); border-radius: 8px; font-size: 12.5px;
  line-height: 1.35; text-align: center; break-inside: avoid; }
.sample .picture { display: flex; align-items: center; justify-content: center; height: 96px;
  margin-bottom: 8px; }
.sample img { max-width: 100%; max-height: 96px; min-width: 48px; object-fit: contain;
  border-radius: 4px; }
.sample span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.sample .good { color: var(--right); }
.sample .bad { color: var(--wrong); }
.sample .quiet { color: var(--quiet); }
pre { margin: 0; padding: 14px 16px; background: var(--page); border-radius: 8px;
  font: 12.5px/1.55 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  white-space: pre-wrap; overflow-wrap: anywhere; }
details summary { cursor: pointer; font-weight: 600; }
details[open] summary { margin-bottom: 10px; }
details + details, pre + details { margin-top: 14px; }
.facts { font-size: 13px; }
.facts td { padding: 3px 14px 3px 0; border: 0; overflow-wrap: anywhere; }
.facts td:first-child { color: var(--quiet); }
footer { color: var(--quiet); font-size: 13px; }
@media print {
  :root {
    --paper: #ffffff; --page: #ffffff; --ink: #000000; --quiet: #444444; --line: #cccccc;
    --faint: #e6e6e6;
    --accent: #2f6fde; --right: #2b7a5b; --wrong: #d1452f; --on: #ffffff;
    --s0: #2f6fde; --s1: #d9730d; --s2: #2b8a66; --s3: #8b4fd9; --s4: #c23a72; --s5: #6b7280;
  }
  body { font-size: 12px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  section { border: 0; padding: 8px 0; }
  h2, h3 { break-after: avoid; }
  figure, tr, .tiles li { break-inside: avoid; }
  .matrix { max-width: 100%; }
}
)";

}  // namespace

std::string_view style() { return kStyle; }

}  // namespace retort::report
