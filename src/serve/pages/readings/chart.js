// Tells the values of a chart at a time: at the pointer, or at the time that the arrow keys choose. The
// values are those of the table below the chart, which is there without a script, too.
"use strict";
(() => {
  const TOP = 10; // how far below the edge of the chart its plot begins, in pixels

  function follow(figure, number) {
    const chart = figure.querySelector("svg.chart");
    const table = figure.parentElement.querySelector("table.values");
    const rows = [...table.tBodies[0].rows].reverse(); // the oldest first
    if (!rows.length) return;
    const names = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent);
    const [from, to] = [Number(chart.dataset.from), Number(chart.dataset.to)];
    const half = Number(figure.dataset.cell) / 2;
    const at = rows.map((row) =>
      (Date.parse(row.querySelector("time").dateTime) + half - from) / (to - from));

    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", className: "time", min: 0, max: rows.length - 1, value: rows.length - 1 });
    slider.setAttribute("aria-label", `${chart.getAttribute("aria-label")}: values at a time`);
    const cursor = document.createElement("div");
    cursor.className = "cursor";
    cursor.hidden = true;
    const told = document.createElement("p");
    told.className = "told";
    told.id = `told-${number}`;
    if (number === 0) told.textContent = "Point at a chart, or choose it and press the arrow keys, to read values.";
    chart.after(slider, cursor);
    figure.append(told);

    function describe(row) {
      const values = [...row.cells].slice(1).map((cell) => cell.textContent.trim());
      return names.flatMap((name, column) => (values[column] ? [`${name} ${values[column]}`] : []));
    }

    function show() {
      const row = rows[slider.value];
      const time = row.querySelector("time").textContent;
      const values = describe(row);
      told.replaceChildren();
      const strong = document.createElement("strong");
      strong.textContent = time;
      told.append(strong, ...values.map((value) => {
        const span = document.createElement("span");
        span.textContent = value;
        return span;
      }));
      slider.setAttribute("aria-valuetext", `${time}: ${values.join(", ")}`);
      cursor.hidden = false;
      const [box, outer] = [chart.getBoundingClientRect(), figure.getBoundingClientRect()];
      cursor.style.left = `${box.left - outer.left + at[slider.value] * box.width}px`;
      cursor.style.top = `${TOP}px`;
      cursor.style.height = `${chart.querySelector("svg.plot").height.baseVal.value}px`;
    }

    function nearest(share) {
      let best = 0;
      at.forEach((position, index) => {
        if (Math.abs(position - share) < Math.abs(at[best] - share)) best = index;
      });
      return best;
    }

    slider.addEventListener("pointermove", (event) => {
      const box = slider.getBoundingClientRect();
      slider.value = nearest((event.clientX - box.left) / box.width);
      show();
    });
    slider.addEventListener("input", show);
    slider.addEventListener("focus", show);
    slider.addEventListener("pointerleave", () => { if (document.activeElement !== slider) cursor.hidden = true; });
    slider.addEventListener("blur", () => { cursor.hidden = true; });
  }

  document.querySelectorAll("figure.readings").forEach(follow);
})();
