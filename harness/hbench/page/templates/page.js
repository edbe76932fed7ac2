// A click on a column's head sorts by it, and turns the order round the next time. What is absent
// stays last. Values are taken from data-value, else from the text; numbers are sorted as numbers.
"use strict";

const ABSENT = ["", "–"];

function numeric(text) {
  const plain = text.replace(/−/g, "-").replace(/,/g, "");
  const found = plain.match(/^[<s ]*\[?([-+]?\d+(\.\d+)?(e[-+]?\d+)?)/i);
  return found ? Number(found[1]) : NaN;
}

function compared(a, b, areNumbers) {
  return areNumbers ? numeric(a) - numeric(b) : a.localeCompare(b);
}

function sort(button) {
  const head = button.closest("th");
  const table = head.closest("table");
  const column = head.cellIndex;
  const body = table.tBodies[0];
  const before = head.getAttribute("aria-sort");
  const other = { ascending: "descending", descending: "ascending" };
  const order = other[before] || button.dataset.first;
  const keyed = [...body.rows].map((row) => {
    const cell = row.cells[column];
    return { row, key: (cell.dataset.value ?? cell.textContent).trim() };
  });
  const present = keyed.filter(({ key }) => !ABSENT.includes(key));
  const absent = keyed.filter(({ key }) => ABSENT.includes(key));
  const areNumbers = present.every(({ key }) => !Number.isNaN(numeric(key)));
  const sign = order === "ascending" ? 1 : -1;
  present.sort((a, b) => sign * compared(a.key, b.key, areNumbers));
  for (const { row } of [...present, ...absent]) body.append(row);
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", order);
}

for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => sort(button));
}

// Only a frame that scrolls is a stop of the keyboard.
const watcher = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const frame of document.querySelectorAll(".frame")) watcher.observe(frame);

// On paper nothing can be unfolded.
window.addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
});
