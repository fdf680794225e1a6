"use strict";
// What the page does besides being read: say what is under the pointer, sort tables, choose among figures.

function addTips() {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);
  for (const title of document.querySelectorAll("svg title")) {
    title.parentNode.dataset.tip = title.textContent;
    title.remove(); // else the browser shows it as well
  }
  let over = null;
  document.addEventListener("pointermove", (event) => {
    const found = event.target.closest ? event.target.closest("[data-tip]") : null;
    if (found !== over) {
      if (over) over.classList.remove("on");
      if (found) found.classList.add("on");
      over = found;
      tip.hidden = !found;
      tip.textContent = found ? found.dataset.tip : "";
    }
    if (found) {
      tip.style.left = Math.max(0, Math.min(event.pageX + 14, window.innerWidth - tip.offsetWidth - 8)) + "px";
      tip.style.top = event.pageY + 16 + "px";
    }
  });
}

function sortTable(table, column, down) {
  const key = (row) => {
    const cell = row.cells[column];
    return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent;
  };
  const order = (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1; // what has no number stands last
    const sign = typeof x === "number" ? x - y : x.localeCompare(y, undefined, { numeric: true });
    return down ? -sign : sign;
  };
  table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
}

function addSorting() {
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sortTable(table, column, down);
      });
    });
  }
}

function addChoices() {
  for (const section of document.querySelectorAll("section")) {
    const figures = [...section.querySelectorAll("figure[data-measure]")];
    if (figures.length < 2) continue;
    const choice = document.createElement("select");
    for (const figure of figures) choice.append(new Option(figure.dataset.measure));
    const show = () => figures.forEach((figure) => { figure.hidden = figure.dataset.measure !== choice.value; });
    choice.addEventListener("change", show);
    const label = document.createElement("label");
    label.append("Show ", choice);
    figures[0].before(label);
    show();
  }
}

addTips();
addSorting();
addChoices();
