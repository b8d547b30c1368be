// Tells the values of a chart at a time, at the pointer or at the time that the arrow keys choose, and
// zooms into what is dragged over, or marked by the arrow keys with Shift. The values are those of the
// table below the chart, which is there without a script, too.
"use strict";
(() => {
  const TOP = 10; // how far below the edge of the chart its plot begins, in pixels
  const LEAST = 8; // a shorter drag is none, in pixels
  const MINUTE = 60000;
  const MOVES = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"];
  const TOUCH = "Touch a chart to read values.";
  const HOW = "Point at a chart, or choose it and press the arrow keys, to read values. "
    + "Drag over a time, or mark it with Shift and the arrow keys and press Enter, to zoom in.";

  function own(name, properties) {
    const element = Object.assign(document.createElement(name), properties);
    element.dataset.own = "";
    return element;
  }

  // What a figure shows at present.
  function read(figure) {
    const chart = figure.querySelector("svg.chart");
    const table = figure.parentElement.querySelector("table.values");
    const rows = [...table.tBodies[0].rows].reverse(); // the oldest first
    const names = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent);
    const [from, to] = [Number(chart.dataset.from), Number(chart.dataset.to)];
    const cell = Number(figure.dataset.cell);
    const begins = rows.map((row) => Date.parse(row.querySelector("time").dateTime));
    const at = begins.map((time) => (time + cell / 2 - from) / (to - from));
    return { chart, rows, names, from, to, cell, begins, at };
  }

  function zoom(from, to) {
    const [start, end] = [Math.floor(from / MINUTE) * MINUTE, Math.ceil(to / MINUTE) * MINUTE];
    if (end <= start) return;
    const address = new URL(location.href);
    address.searchParams.delete("range");
    [["from", start], ["to", end]].forEach(([name, time]) =>
      address.searchParams.set(name, new Date(time).toISOString().replace(".000Z", "Z")));
    document.dispatchEvent(new CustomEvent("go", { detail: address.href }));
  }

  function follow(figure, number) {
    if (figure.querySelector("input.time")) return;
    let shown = read(figure);
    let drag = null; // where a drag began, as a share of the width
    let mark = null; // the row at which marking by the keys began
    const slider = own("input", { type: "range", className: "time", min: 0 });
    const cursor = own("div", { className: "cursor", hidden: true });
    const marked = own("div", { className: "marked", hidden: true });
    const told = own("p", { className: "told", id: `told-${number}` });
    if (number === 0) told.textContent = matchMedia("(hover: none)").matches ? TOUCH : HOW;
    shown.chart.after(slider, cursor, marked);
    figure.append(told);

    function fit() {
      slider.max = Math.max(shown.rows.length - 1, 0);
      slider.hidden = !shown.rows.length;
      slider.setAttribute("aria-label", `${shown.chart.getAttribute("aria-label")}: values at a time`);
      slider.setAttribute("aria-valuetext", "no time is chosen");
    }

    function describe(row) {
      const values = [...row.cells].slice(1).map((cell) => cell.textContent.trim());
      return shown.names.flatMap((name, column) => (values[column] ? [`${name} ${values[column]}`] : []));
    }

    // Puts a box over the plot, from one share of its width to another.
    function place(box, from, to) {
      const [chart, outer] = [shown.chart.getBoundingClientRect(), figure.getBoundingClientRect()];
      box.style.left = `${chart.left - outer.left + from * chart.width}px`;
      if (to > from) box.style.width = `${(to - from) * chart.width}px`;
      box.style.top = `${TOP}px`;
      box.style.height = `${shown.chart.querySelector("svg.plot").height.baseVal.value}px`;
      box.hidden = false;
    }

    // From when to when the keys have marked.
    function span() {
      const ends = [mark, Number(slider.value)].sort((a, b) => a - b);
      return [shown.begins[ends[0]], shown.begins[ends[1]] + shown.cell];
    }

    function show() {
      const row = shown.rows[slider.value];
      if (!row) return;
      const time = row.querySelector("time").textContent;
      const values = describe(row);
      const strong = document.createElement("strong");
      strong.textContent = time;
      told.replaceChildren(strong, ...values.map((value) => {
        const span = document.createElement("span");
        span.textContent = value;
        return span;
      }));
      const since = mark === null ? "" : `; marked from ${shown.rows[mark].querySelector("time").textContent}`;
      slider.setAttribute("aria-valuetext", `${time}: ${values.join(", ")}${since}`);
      place(cursor, shown.at[slider.value]);
      if (mark !== null) {
        const share = (time) => Math.min(Math.max((time - shown.from) / (shown.to - shown.from), 0), 1);
        place(marked, ...span().map(share));
      } else if (drag === null) marked.hidden = true;
    }

    function nearest(share) {
      let best = 0;
      shown.at.forEach((position, index) => {
        if (Math.abs(position - share) < Math.abs(shown.at[best] - share)) best = index;
      });
      return best;
    }

    function share(event) {
      const box = slider.getBoundingClientRect();
      return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    }

    function drop() {
      drag = mark = null;
      marked.hidden = true;
    }

    slider.addEventListener("pointermove", (event) => {
      slider.value = nearest(share(event));
      show();
      if (drag !== null) place(marked, Math.min(drag, share(event)), Math.max(drag, share(event)));
    });
    // A finger reads values; whoever has a mouse or a pen drags.
    slider.addEventListener("pointerdown", (event) => {
      drop();
      if (event.button || event.pointerType === "touch") return;
      drag = share(event);
      slider.setPointerCapture(event.pointerId);
    });
    slider.addEventListener("mousedown", (event) => {
      event.preventDefault();
      slider.focus();
    });
    slider.addEventListener("pointerup", (event) => {
      const ends = [drag, share(event)].sort((a, b) => a - b);
      const width = (ends[1] - ends[0]) * slider.getBoundingClientRect().width;
      const dragged = drag !== null && width >= LEAST;
      drop();
      if (dragged) zoom(...ends.map((end) => shown.from + end * (shown.to - shown.from)));
    });
    slider.addEventListener("pointercancel", drop);
    slider.addEventListener("keydown", (event) => {
      if (MOVES.includes(event.key)) {
        if (!event.shiftKey) drop();
        else if (mark === null) mark = Number(slider.value);
      } else if (event.key === "Enter" && mark !== null) {
        const ends = span();
        drop();
        zoom(...ends);
      } else if (event.key === "Escape") drop();
    });
    slider.addEventListener("input", show);
    slider.addEventListener("focus", show);
    slider.addEventListener("pointerleave", () => { if (document.activeElement !== slider) cursor.hidden = true; });
    slider.addEventListener("blur", () => { drop(); cursor.hidden = true; });

    // What is chosen or marked stays so; whoever is at the newest row stays at the newest.
    document.addEventListener("refreshed", () => {
      if (!figure.isConnected) return;
      const [index, before] = [Number(slider.value), shown];
      shown = read(figure);
      const newest = index >= before.rows.length - 1;
      const { from, to, cell } = shown;
      const again = (row) => nearest((before.begins[row] + cell / 2 - from) / (to - from));
      fit();
      slider.value = newest ? slider.max : again(index);
      if (mark !== null) mark = shown.rows.length ? again(mark) : null;
      if (document.activeElement === slider && shown.rows.length) show();
      else cursor.hidden = marked.hidden = true;
    });

    fit();
    slider.value = slider.max;
  }

  const all = () => document.querySelectorAll("figure.readings").forEach(follow);
  document.addEventListener("refreshed", all);
  all();
})();
