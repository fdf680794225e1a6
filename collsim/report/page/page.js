"use strict";
// What the page does besides being read: say what is under the pointer or next by key, enlarge figures, sort tables, choose
// among figures and among the series of one.

{ // a block, so that no name of it is seen from outside

const tip = document.createElement("div");
let told = null; // the part that the tip is about

function tell(part, left, top) {
  if (part !== told) {
    if (told) told.classList.remove("on");
    if (part) part.classList.add("on");
    told = part;
    tip.hidden = !part;
    tip.textContent = part ? part.dataset.tip : "";
  }
  if (part) {
    const most = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = Math.max(0, Math.min(left + 14, most)) + "px";
    tip.style.top = top + 16 + "px";
  }
}

function addTips() {
  tip.id = "tip";
  tip.hidden = true;
  tip.setAttribute("role", "status");
  document.body.append(tip);
  for (const title of document.querySelectorAll("svg title")) {
    title.parentNode.dataset.tip = title.textContent;
    title.remove(); // else the browser shows it as well
  }
  const under = (event) => tell(event.target.closest ? event.target.closest("[data-tip]") : null, event.pageX, event.pageY);
  for (const kind of ["pointermove", "pointerdown"]) document.addEventListener(kind, under);
}

/** Let the reader enlarge a figure and move in it: with its buttons, Ctrl and the wheel, by dragging, and by keys. */
function addZoom(svg) {
  const whole = svg.viewBox.baseVal, [width, height] = [whole.width, whole.height];
  const view = { x: 0, y: 0, scale: 1 };
  const show = () => {
    view.scale = Math.min(Math.max(view.scale, 1), 64);
    view.x = Math.min(Math.max(view.x, 0), width - width / view.scale);
    view.y = Math.min(Math.max(view.y, 0), height - height / view.scale);
    svg.setAttribute("viewBox", [view.x, view.y, width / view.scale, height / view.scale].join(" "));
    svg.classList.toggle("near", view.scale > 1);
  };
  /** Enlarge by `factor`; what lies at the shares `x`, `y` of the figure stays there. */
  const zoom = (factor, x = 0.5, y = 0.5) => {
    const before = view.scale;
    view.scale = Math.min(Math.max(before * factor, 1), 64);
    view.x += (width * x) / before - (width * x) / view.scale;
    view.y += (height * y) / before - (height * y) / view.scale;
    show();
  };
  const move = (x, y) => { view.x += (x * width) / view.scale; view.y += (y * height) / view.scale; show(); };
  const reset = () => { Object.assign(view, { x: 0, y: 0, scale: 1 }); show(); };
  const parts = () => [...svg.querySelectorAll("[data-tip]")].filter((part) => !part.closest("g[hidden]"));
  const step = (by) => {
    const all = parts();
    if (!all.length) return;
    const next = all[(all.indexOf(told) + by + all.length + (by < 0 && !all.includes(told))) % all.length];
    const box = next.getBoundingClientRect();
    tell(next, box.left + box.width / 2 + window.scrollX, box.bottom + window.scrollY - 12);
  };
  const keys = {
    "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), "0": reset,
    ArrowLeft: () => move(-0.1, 0), ArrowRight: () => move(0.1, 0), ArrowUp: () => move(0, -0.1), ArrowDown: () => move(0, 0.1),
    n: () => step(1), p: () => step(-1), Escape: () => tell(null),
  };
  svg.tabIndex = 0;
  svg.addEventListener("keydown", (event) => {
    const turn = event.key.startsWith("Arrow") && view.scale === 1; // then the page moves
    if (event.ctrlKey || event.metaKey || event.altKey || turn || !(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const box = svg.getBoundingClientRect();
    zoom(event.deltaY < 0 ? 1.25 : 0.8, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }, { passive: false });
  svg.addEventListener("pointermove", (event) => {
    if (!(event.buttons & 1) || view.scale === 1) return;
    const box = svg.getBoundingClientRect();
    move(-event.movementX / box.width, -event.movementY / box.height);
  });
  svg.addEventListener("dblclick", reset);
  if (height < 200) return; // small enough to be seen whole
  const tools = document.createElement("div");
  tools.className = "tools";
  for (const [text, name, act] of [["+", "enlarge", () => zoom(1.5)], ["\u2212", "make smaller", () => zoom(1 / 1.5)],
    ["\u2922", "show all", reset]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.title = name;
    button.setAttribute("aria-label", name);
    button.addEventListener("click", act);
    tools.append(button);
  }
  tools.append("Ctrl and wheel, or keys on the figure: + \u2212 0, arrows, n and p from part to part");
  svg.closest(".picture").before(tools);
}

function sortTable(table, column, down) {
  const key = (row) => {
    const cell = row.cells[column];
    return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent;
  };
  const order = (a, b) => {
    const [x, y] = [a.key, b.key];
    if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1; // what has no number stands last
    const sign = typeof x === "number" ? x - y : collator.compare(x, y);
    return down ? -sign : sign;
  };
  const rows = [...table.tBodies[0].rows].map((row) => ({ row, key: key(row) }));
  table.tBodies[0].append(...rows.sort(order).map((one) => one.row));
}

const collator = new Intl.Collator(undefined, { numeric: true });

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
  for (const part of document.querySelectorAll(".scroll")) part.tabIndex = 0; // so that keys scroll it
}

function chooser(words, options, act) {
  const choice = document.createElement("select");
  for (const option of options) choice.append(new Option(option));
  choice.addEventListener("change", act);
  const label = document.createElement("label");
  label.append(words + " ", choice);
  return [label, choice];
}

function addChoices() {
  for (const section of document.querySelectorAll("section")) {
    const figures = [...section.querySelectorAll("figure[data-measure]")];
    if (!figures.length) continue;
    const before = figures[0];
    if (figures.length > 1) {
      const [label, choice] = chooser("Show", figures.map((figure) => figure.dataset.measure), () => show());
      const show = () => figures.forEach((figure) => { figure.hidden = figure.dataset.measure !== choice.value; });
      before.before(label);
      show();
    }
    addFilters(figures, before);
  }
}

/** Let the reader keep the series of one value of a parameter, in all figures of a section. */
function addFilters(figures, before) {
  const names = JSON.parse(figures[0].dataset.told || "[]");
  const all = figures.map((figure) => [...figure.querySelectorAll("g.series")]);
  if (all[0].length < 3) return;
  const of = new Map(all.flat().map((line) => [line, JSON.parse(line.dataset.of)]));
  const looks = all[0].map((line) => ({
    colour: line.style.color,
    dash: line.querySelector("polyline").getAttribute("stroke-dasharray"),
    mark: line.querySelector("path").getAttribute("d"),
  }));
  const most = all[0].filter((line) => !line.hasAttribute("hidden")).length;
  const choices = names.map((name, place) => {
    const values = [...new Set([...of.values()].map((value) => value[place]))];
    if (values.length < 2) return null;
    const [label, choice] = chooser(name, ["all", ...values], () => show());
    before.before(label);
    return choice;
  });
  const show = () => all.forEach((lines, k) => {
    let shown = 0;
    for (const line of lines) {
      const kept = shown < most && of.get(line).every((v, p) => !choices[p] || ["all", v].includes(choices[p].value));
      line.toggleAttribute("hidden", !kept);
      if (!kept) continue;
      dress(line, looks[shown], shown);
      shown += 1;
    }
    for (const line of figures[k].querySelectorAll("g.bound")) place(line, shown++);
  });
}

function dress(line, look, row) {
  line.style.color = look.colour;
  for (const way of line.querySelectorAll("polyline, line")) {
    if (look.dash) way.setAttribute("stroke-dasharray", look.dash);
    else way.removeAttribute("stroke-dasharray");
  }
  for (const mark of line.querySelectorAll("path")) mark.setAttribute("d", look.mark);
  place(line, row);
}

function place(line, row) {
  const key = line.querySelector("g.key");
  key.setAttribute("transform", key.getAttribute("transform").replace(/ [\d.]+\)/, ` ${22 + 18 * row})`));
}

addTips();
addSorting();
addChoices();
for (const svg of document.querySelectorAll("figure svg")) addZoom(svg);

}
