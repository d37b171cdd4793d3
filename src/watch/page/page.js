// Asks how the watch is and shows it. What comes from the network is put in place as text, never as markup.
(() => {
  const EVERY_MS = 1000;
  const SVG = "http://www.w3.org/2000/svg";
  const at = (id) => document.getElementById(id);
  const put = (node, fields, children) => {
    for (const [name, value] of Object.entries(fields)) node.setAttribute(name, value);
    node.append(...children.filter((child) => child !== null));
    return node;
  };
  const el = (name, fields = {}, ...children) => put(document.createElement(name), fields, children);
  const svg = (name, fields = {}, ...children) => put(document.createElementNS(SVG, name), fields, children);

  // Numbers and times, in the words of the command line: UTC.
  const whole = (number) => Math.round(number).toLocaleString("en");
  const short = (number) => {
    const step = [[1e9, "G"], [1e6, "M"], [1e3, "k"]].find(([size]) => Math.abs(number) >= size);
    const [size, letter] = step || [1, ""];
    const value = number / size;
    return `${value >= 100 || (size === 1 && Number.isInteger(value)) ? value.toFixed(0) : value.toPrecision(2)}${letter && ` ${letter}`}`;
  };
  const bytes = (number) => short(number).replace(/( .)?$/, (letter) => `${letter || " "}B`);
  const many = (number, one) => `${whole(number)} ${one}${number === 1 ? "" : "s"}`;
  const stamp = (ms) => new Date(ms).toISOString();
  const clock = (ms) => stamp(ms).slice(11, 19);
  const day = (ms) => new Date(ms).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const lasting = (ms) => {
    const s = ms / 1000;
    if (s < 120) return `${Number(s.toFixed(1))} s`;
    return s < 7200 ? `${Math.round(s / 60)} min` : `${(s / 3600).toFixed(1)} h`;
  };
  const decades = (score) => (score === null ? "none" : score.toFixed(score < 10 ? 2 : 1));

  const tip = el("div", { class: "tip" });
  tip.hidden = true;
  document.body.append(tip);
  const point = (event, text) => {
    tip.hidden = false;
    tip.textContent = text;
    tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${event.clientY + 18}px`;
  };

  // What is there and what there is of it: "a, b and 3 more".
  const busiest = ({ count, top }) => {
    const names = top.map((one) => one.name).join(", ");
    return count > top.length ? `${names} and ${whole(count - top.length)} more` : names;
  };

  // What people say of an episode; the watch answers once that is written down.
  const say = async (one, verdict, button) => {
    button.disabled = true;
    const body = `episode=${one.episode}&verdict=${verdict}`;
    try {
      const answer = await fetch("verdict", { method: "POST", headers: { "X-Tidewatch": "page" }, body });
      if (!answer.ok) throw new Error(await answer.text());
      at("said").textContent = verdict === "benign" ? `Alerts like that of ${one.entity} are muted from now on.` : `Alerts like that of ${one.entity} are told again.`;
    } catch (error) {
      at("said").textContent = `That was not remembered: ${error.message}`;
      button.disabled = false;
    }
  };
  const opinion = (one, benign) => {
    if (benign === null) return null;
    const called = benign.includes(one.episode);
    const button = el("button", { type: "button", "aria-label": `${called ? "tell of" : "mute"} alerts like that of ${one.entity}` }, called ? "It is unusual after all" : "It is benign");
    button.addEventListener("click", () => say(one, called ? "unusual" : "benign", button));
    return el("p", { class: "opinion" }, called ? "Called benign: alerts like it are muted. " : "", button);
  };

  const episode = (one, closed, benign) => {
    const from = Date.parse(one.started), to = Date.parse(one.ended);
    const most = Math.max(...one.reasons.map((reason) => reason.share));
    const reasons = one.reasons.slice(0, 4).map((reason) => {
      const share = el("b");
      share.style.width = `${Math.max(2, (100 * reason.share) / most)}%`;
      const bar = el("i", { role: "img", "aria-label": `${Math.round(reason.share * 100)} % of the score` }, share);
      return el("li", {}, bar, el("span", {}, reason.text));
    });
    const alone = one.alone === undefined ? "" : `, ${decades(one.alone)} without the windows before`;
    const ends = [];
    const end = (name, ...what) => ends.push(el("dt", {}, name), el("dd", {}, ...what));
    if (one.peers.count > 0) end("With", busiest(one.peers));
    if (one.ports.count > 0) end("At", busiest(one.ports));
    if (one.evidence) {
      const link = { href: `evidence/${encodeURIComponent(one.evidence)}`, download: "" };
      end("Packets", el("a", { ...link, "aria-label": `packets of ${one.entity}, pcapng` }, "download as pcapng"));
    }
    return el(
      "article",
      { class: "episode", "data-episode": one.episode },
      el(
        "header",
        {},
        el("span", { class: `severity ${["low", "medium", "high", "critical"].find((name) => name === one.severity) || ""}` }, one.severity),
        el("h3", {}, one.entity),
        el("span", {}, `${closed ? "" : "since "}${day(from)}, ${clock(from)}${closed ? ` to ${clock(to)}` : ""}, for ${lasting(to - from)}`),
        el("span", {}, `score ${decades(one.score)}${alone}, ${many(one.alerts, "alert")}`),
      ),
      el("ul", { class: "reasons" }, ...reasons),
      ends.length > 0 ? el("dl", { class: "ends" }, ...ends) : null,
      opinion(one, benign),
    );
  };

  const list = (id, episodes, count, closed, benign) => {
    const shown = episodes.map((one) => episode(one, closed, benign));
    if (count > episodes.length) shown.push(el("p", { class: "nothing" }, `${whole(count - episodes.length)} more are open.`));
    at(id).replaceChildren(...(shown.length > 0 ? shown : [el("p", { class: "nothing" }, "None.")]));
  };

  // Ticks of time along the bottom: as many as there is room for, at round times.
  const ROUND_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
  const ticks = (from, to, room) => {
    const step = 1000 * (ROUND_S.find((s) => (to - from) / (s * 1000) <= room) || ROUND_S[ROUND_S.length - 1] * Math.ceil((to - from) / 604800000 / room));
    const times = [];
    for (let time = Math.ceil(from / step) * step; time <= to && times.length <= 2 * room; time += step) times.push(time);
    return times.map((time) => [time, step >= 86400000 ? stamp(time).slice(5, 10) : clock(time).slice(0, step % 60000 === 0 ? 5 : 8)]);
  };
  const round = (most) => {
    const size = 10 ** Math.floor(Math.log10(Math.max(most, 1e-9)));
    return [1, 2, 4, 6, 10].map((times) => times * size).find((value) => value >= most);
  };

  // The tide: packets a second as water, below it the highest score of each step beside the threshold.
  const tide = ({ tide, threshold }) => {
    const { steps, step_ms, end_ms } = tide;
    if (steps.length === 0) return;
    const width = Math.max(280, at("tide").clientWidth);
    const left = 46, right = width - 6, top = 24, water = 182, floor = 306, low = 226;
    const from = steps[0].start_ms, to = Math.max(end_ms, from + step_ms);
    const x = (ms) => left + ((right - left) * (ms - from)) / (to - from);
    const most = round(Math.max(...steps.map((step) => step.packets_per_second), 1));
    const y = (rate) => water - ((water - top) * rate) / most;
    const loudest = Math.max(threshold * 1.25, ...steps.map((step) => step.score || 0));
    const z = (score) => floor - ((floor - low) * Math.min(score, loudest)) / loudest;

    let line = "", area = "", before = null;
    for (const step of steps) {
      const [a, b, h] = [x(step.start_ms), x(Math.min(step.start_ms + step_ms, to)), y(step.packets_per_second)].map((v) => v.toFixed(1));
      // Where there were no packets, the tide is out.
      const joined = before !== null && step.start_ms - before <= step_ms;
      line += `${joined ? "V" : before === null ? `M${a} ${water}V` : `V${water}H${a}V`}${h}H${b}`;
      before = step.start_ms;
    }
    area = `${line}V${water}Z`;
    const children = [];
    for (const share of [0, 0.5, 1]) {
      const h = y(most * share);
      children.push(svg("path", { class: "grid", d: `M${left} ${h}H${right}` }));
      children.push(svg("text", { x: left - 8, y: h + 4, "text-anchor": "end" }, short(most * share)));
    }
    children.push(svg("path", { class: "water", d: area }), svg("path", { class: "curve", d: line }));
    const [quiet, loud] = [[], []];
    for (const step of steps) {
      if (step.score === null) continue;
      const mark = `M${x(Math.min(step.start_ms + step_ms / 2, to)).toFixed(1)} ${floor}V${z(step.score).toFixed(1)}`;
      (step.score >= threshold ? loud : quiet).push(mark);
    }
    children.push(svg("path", { class: "grid", d: `M${left} ${floor}H${right}` }));
    children.push(svg("path", { class: "stem", d: quiet.join("") }), svg("path", { class: "alertstem", d: loud.join("") }));
    children.push(svg("path", { class: "threshold", d: `M${left} ${z(threshold)}H${right}` }));
    children.push(svg("text", { class: "threshold-text", x: right, y: z(threshold) - 5, "text-anchor": "end" }, `alert from ${decades(threshold)}`));
    children.push(svg("text", { x: left - 8, y: floor + 4, "text-anchor": "end" }, "0"));
    children.push(svg("text", { x: left - 8, y: low + 4, "text-anchor": "end" }, decades(loudest)));
    children.push(svg("text", { class: "note", x: left, y: top - 10 }, "packets a second"));
    children.push(svg("text", { class: "note", x: left, y: low - 10 }, "highest score"));
    for (const [time, text] of ticks(from, to, Math.max(3, Math.floor(width / 110)))) {
      children.push(svg("path", { class: "axis", d: `M${x(time).toFixed(1)} ${floor}v5` }));
      children.push(svg("text", { x: x(time), y: floor + 20, "text-anchor": "middle" }, text));
    }
    const hair = svg("path", { class: "hair", d: "" });
    const told = `Packets a second and highest scores from ${day(from)}, ${clock(from)} to ${clock(to)} UTC; at most ${short(most)} packets a second.`;
    const drawing = svg("svg", { viewBox: `0 0 ${width} ${floor + 26}`, width, height: floor + 26, role: "img", "aria-label": told }, ...children, hair);
    drawing.addEventListener("pointermove", (event) => {
      const ms = from + ((event.clientX - drawing.getBoundingClientRect().left - left) / (right - left)) * (to - from);
      const step = steps.findLast((one) => one.start_ms <= ms && ms < one.start_ms + step_ms);
      if (ms < from || ms > to) return;
      hair.setAttribute("d", `M${x(ms)} ${top}V${floor}`);
      const rates = step ? `${short(step.packets_per_second)} packets/s, ${bytes(step.bytes_per_second)}/s\nhighest score ${decades(step.score)}` : "no packets";
      point(event, `${clock(step ? step.start_ms : ms)}\n${rates}${step && step.alerts > 0 ? `\n${many(step.alerts, "alert")}` : ""}`);
    });
    drawing.addEventListener("pointerleave", () => {
      tip.hidden = true;
      hair.setAttribute("d", "");
    });
    at("tide").replaceChildren(drawing);
    at("tide-caption").textContent = `${day(from)}, UTC; a step is ${lasting(step_ms)}. Below, the highest score of each step, −log₁₀ of the p-value.`;
  };

  // Who stood out when: a row an entity, a column a window, as dark as the score.
  const level = (share) => [2, 1, 0.66, 0.33].findIndex((bound) => share >= bound);
  const crowd = ({ entities, threshold, window_ms }) => {
    const { starts_ms, rows, count } = entities;
    if (rows.length === 0) return;
    const width = Math.max(280, at("crowd").clientWidth);
    const name = Math.min(width < 560 ? 15 : 40, Math.max(...rows.map((row) => row.entity.length)));
    const left = Math.min(name * 7.2 + 10, width * 0.42), right = width - 44, high = 20, bottom = rows.length * high + 4;
    const wide = Math.min(18, (right - left) / starts_ms.length);
    const cut = (text) => (text.length > name ? `${text.slice(0, name - 1)}…` : text);
    const lines = rows.map(({ entity, scores }, place) => {
      const cells = scores.map((score, index) => {
        if (score === null) return null;
        const step = level(score / threshold);
        const cell = { class: `h${step < 0 ? 1 : 5 - step}`, x: (left + index * wide).toFixed(1), y: place * high + 2, width: Math.max(1, wide - 1).toFixed(1), height: high - 3 };
        const shape = svg("rect", cell);
        shape.addEventListener("pointermove", (event) => point(event, `${entity}\n${clock(starts_ms[index])}\nscore ${decades(score)}`));
        shape.addEventListener("pointerleave", () => { tip.hidden = true; });
        return shape;
      });
      const highest = Math.max(...scores.filter((score) => score !== null));
      const label = svg("text", { x: left - 10, y: place * high + 15, "text-anchor": "end" }, cut(entity));
      const end = left + starts_ms.length * wide;
      return svg("g", {}, label, ...cells, svg("text", { class: "note", x: end + 8, y: place * high + 15 }, decades(highest)));
    });
    const edges = [0, starts_ms.length - 1].filter((index, place, all) => place === 0 || all[1] > 12).map((index) =>
      svg("text", { x: left + index * wide + (index === 0 ? 0 : wide), y: bottom + 16, "text-anchor": index === 0 ? "start" : "end" }, clock(starts_ms[index])));
    const told = `The highest scores of ${rows.length} entities in the latest ${starts_ms.length} windows: ${rows.slice(0, 5).map(({ entity, scores }) => `${entity} ${decades(Math.max(...scores.filter((score) => score !== null)))}`).join(", ")}.`;
    at("crowd").replaceChildren(svg("svg", { viewBox: `0 0 ${width} ${bottom + 22}`, width, height: bottom + 22, role: "img", "aria-label": told }, ...lines, ...edges));
    const more = count > rows.length ? ` ${whole(count - rows.length)} more stood out less.` : "";
    at("crowd-caption").textContent = `The latest ${starts_ms.length} windows of ${lasting(window_ms)}; the warm colours are alerts. On the right each one's highest score.${more}`;
  };

  const tiles = ({ tide, episodes, counts }) => {
    const last = tide.steps[tide.steps.length - 1];
    const lost = counts.packets_dropped;
    const tile = (name, value, note, high) =>
      el("div", {}, el("dt", {}, name), el("dd", high ? { class: "high" } : {}, value), el("dd", { class: "note" }, note));
    at("tiles").replaceChildren(
      tile("Open episodes", whole(episodes.open_count), `${whole(counts.episodes)} so far`, episodes.open_count > 0),
      tile("Packets a second", last ? short(last.packets_per_second) : "0", last ? `${bytes(last.bytes_per_second)} a second` : "no window yet"),
      tile("Windows", whole(counts.windows), `${many(counts.rows, "row")}, ${many(counts.alerts, "alert")}`),
      tile("Packets lost", whole(lost), `of ${short(counts.packets_read + lost)} that came`, lost > 0),
    );
  };

  const health = (state) => {
    const { counts, sinks } = state;
    const lines = [
      ["Packets read", `${whole(counts.packets_read)} (${bytes(counts.bytes_read)})`],
      ["Skipped", whole(counts.packets_skipped)],
      ["Dropped by the kernel", whole(counts.packets_dropped), counts.packets_dropped > 0],
      ["Model", state.model],
      ["Rows", `${state.view}, ${lasting(state.window_ms)}`],
      ["Models taken in, refused", `${whole(counts.models_taken)}, ${whole(counts.models_refused)}`, counts.models_refused > 0],
      ["Alerts muted", whole(counts.alerts_muted)],
      ["Packets behind episodes", state.evidence ? (counts.evidence_failed > 0 ? `${whole(counts.evidence_failed)} could not be kept` : "kept") : "not kept", counts.evidence_failed > 0],
      ...(counts.rows_written === null ? [] : [["Rows written down", counts.rows_lost > 0 ? `${whole(counts.rows_written)}, ${whole(counts.rows_lost)} lost` : whole(counts.rows_written), counts.rows_lost > 0]]),
      ...(state.shadow ? [["Alerts by both models", whole(state.shadow.both)], ["By this one, by the shadow alone", `${whole(state.shadow.first)}, ${whole(state.shadow.shadow)}`]] : []),
      ...(state.shadow?.agreement ? [["Ranks agree by", state.shadow.agreement.toFixed(2)]] : []),
      ...sinks.map((sink) => {
        const trouble = sink.dropped > 0 || sink.failures > 0;
        const told = `${many(sink.delivered, "notice")}${sink.waiting > 0 ? `, ${whole(sink.waiting)} wait` : ""}`;
        const why = sink.trouble ? `: ${sink.trouble}` : "";
        return [sink.name, trouble ? `${told}, ${whole(sink.dropped)} dropped, ${whole(sink.failures)} tries failed${why}` : told, trouble];
      }),
    ];
    at("health").replaceChildren(...lines.map(([name, value, bad]) => el("div", {}, el("dt", {}, name), el("dd", bad ? { class: "bad" } : {}, value))));
  };

  const verdict = ({ episodes, tide, version }) => {
    const { open, open_count } = episodes;
    let said = "No episode is open.";
    if (open_count === 1) said = `An episode is open: ${open[0].entity}, of ${open[0].severity} severity.`;
    if (open_count > 1) said = `${whole(open_count)} episodes are open; the worst: ${open[0].entity}, of ${open[0].severity} severity.`;
    if (version === 0) said = "Waiting for the first window.";
    const until = tide.steps.length > 0 ? ` The latest window ended on ${day(tide.end_ms)} at ${clock(tide.end_ms)} UTC.` : "";
    at("verdict").replaceChildren(said, el("span", {}, until));
  };

  let latest = null;
  const draw = () => {
    if (!latest) return;
    tide(latest);
    crowd(latest);
  };
  const show = (state) => {
    const changed = !latest || latest.version !== state.version || String(latest.benign) !== String(state.benign);
    latest = state;
    document.title = `${state.episodes.open_count > 0 ? `(${state.episodes.open_count}) ` : ""}${state.source} · tidewatch`;
    at("source").textContent = state.source;
    tiles(state);
    health(state);
    // Who reads or has a link in hand is not disturbed while nothing is new.
    if (!changed) return;
    verdict(state);
    const held = document.activeElement?.closest?.("[data-episode]")?.dataset.episode;
    list("open", state.episodes.open, state.episodes.open_count, false, state.benign);
    list("closed", state.episodes.closed, 0, true, state.benign);
    if (held) document.querySelector(`[data-episode="${CSS.escape(held)}"] :is(a, button)`)?.focus();
    tip.hidden = true;
    draw();
  };
  const silent = (why) => {
    at("silent").hidden = why === "";
    if (at("silent").textContent !== why) at("silent").textContent = why;
  };
  let heard = Date.now();
  const ask = async () => {
    try {
      const answer = await fetch("state.json", { cache: "no-store" });
      if (answer.status === 401) return location.reload();
      if (!answer.ok) throw new Error(answer.statusText);
      const state = await answer.json();
      heard = Date.now();
      show(state);
      silent(state.alive ? "" : "No packet has been taken in for half a minute or more: the watch may be stuck.");
    } catch (error) {
      silent(`The watch has not answered since ${clock(heard)} UTC; this is how it was then.`);
    }
    setTimeout(ask, EVERY_MS);
  };
  new ResizeObserver(draw).observe(document.querySelector("main"));
  ask();
})();
