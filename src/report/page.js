// Zoom and hover for the figures over time. Nothing is fetched; without it the page says the same.
(() => {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  for (const title of document.querySelectorAll("svg g > title, svg rect > title, svg circle > title")) {
    const mark = title.parentElement;
    const text = title.textContent;
    mark.addEventListener("pointermove", (event) => {
      tip.textContent = text;
      tip.hidden = false;
      const wide = tip.offsetWidth;
      tip.style.left = Math.max(8, Math.min(event.clientX + 14, innerWidth - wide - 8)) + "px";
      tip.style.top = event.clientY + 18 + "px";
    });
    mark.addEventListener("pointerleave", () => { tip.hidden = true; });
  }
  for (const svg of document.querySelectorAll(".zoom svg")) {
    const whole = svg.viewBox.baseVal;
    const [x0, y0, width, height] = [whole.x, whole.y, whole.width, whole.height];
    const hint = svg.closest("figure").querySelector(".hint");
    if (hint) hint.hidden = false;
    const at = (event) => {
      const box = svg.getBoundingClientRect();
      return whole.x + ((event.clientX - box.left) / box.width) * whole.width;
    };
    const show = (x, wide) => {
      svg.setAttribute("preserveAspectRatio", wide < width ? "none" : "xMidYMid meet");
      svg.setAttribute("viewBox", `${x} ${y0} ${wide} ${height}`);
      svg.classList.toggle("zoomed", wide < width);
    };
    let from = null;
    const band = document.createElementNS(svg.namespaceURI, "rect");
    band.setAttribute("class", "band");
    band.setAttribute("y", y0);
    band.setAttribute("height", height);
    svg.addEventListener("pointerdown", (event) => {
      from = at(event);
      svg.setPointerCapture(event.pointerId);
      band.setAttribute("width", 0);
      svg.append(band);
    });
    svg.addEventListener("pointermove", (event) => {
      if (from === null) return;
      const to = at(event);
      band.setAttribute("x", Math.min(from, to));
      band.setAttribute("width", Math.abs(to - from));
    });
    const end = (event) => {
      if (from === null) return;
      const to = at(event);
      band.remove();
      if (Math.abs(to - from) > whole.width / 100) show(Math.min(from, to), Math.abs(to - from));
      from = null;
    };
    svg.addEventListener("pointerup", end);
    svg.addEventListener("dblclick", () => show(x0, width));
    svg.parentElement.addEventListener("keydown", (event) => {
      const step = whole.width / 4;
      if (event.key === "+") show(whole.x + step, whole.width / 2);
      else if (event.key === "-") show(Math.max(x0, whole.x - step), Math.min(width, whole.width * 2));
      else if (event.key === "ArrowLeft") show(Math.max(x0, whole.x - step), whole.width);
      else if (event.key === "ArrowRight") show(Math.min(x0 + width - whole.width, whole.x + step), whole.width);
      else if (event.key === "Escape") show(x0, width);
      else return;
      event.preventDefault();
    });
  }
})();
