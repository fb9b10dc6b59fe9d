"use strict";
// A button in the head of each column sorts the rows; a second press reverses them.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      // Numbers begin with the largest, and names with the first of the alphabet.
      const numeric = [...body.rows].some((row) => row.cells[column].dataset.key);
      const before = head.getAttribute("aria-sort");
      const first = numeric ? -1 : 1;
      const sign = before === (numeric ? "descending" : "ascending") ? -first : first;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      const key = (row) => row.cells[column].dataset.key;
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [key(a), key(b)].map((k) => (k === undefined ? NaN : Number(k)));
        if (!Number.isNaN(x) && !Number.isNaN(y)) return sign * (x - y);
        if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
        const words = [a, b].map((row) => row.cells[column].textContent);
        return sign * words[0].localeCompare(words[1], "en", { numeric: true });
      });
      body.append(...rows);
    });
  });
}
// What is folded on the screen is printed in full.
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
