// Toggles with a count each, some with a line of how it went: they show what the kernel says and tell which one was
// pressed, and whether with Shift or Ctrl.
const WIDE = 28; // px, as in counts.css
const HIGH = 14;
const STEPS = 30; // points that fill a line; a shorter one ends at its right end all the same

function svg(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function trend(line) {
  const low = Math.min(...line);
  const span = Math.max(...line) - low;
  const points = line.map((value, at) => {
    const x = WIDE - ((line.length - 1 - at) * WIDE) / (STEPS - 1);
    const y = span ? HIGH - 1.5 - ((value - low) / span) * (HIGH - 3) : HIGH / 2;
    return [x.toFixed(1), y.toFixed(1)];
  });
  const root = svg("svg", { class: "jw-trend", viewBox: `0 0 ${WIDE} ${HIGH}`, "aria-hidden": "true" });
  const [x, y] = points.at(-1);
  root.append(svg("polyline", { points: points.join(" ") }), svg("circle", { cx: x, cy: y, r: "1.8" }));
  return root;
}

function drawLine(button, line) {
  const drawn = JSON.stringify(line ?? []);
  if (button.drawn === drawn) return;
  button.drawn = drawn;
  button.querySelector("svg")?.remove();
  if (line?.length > 1) button.append(trend(line.map(Number)));
}

export default {
  render({ model, el }) {
    const root = document.createElement("div");
    root.className = "jobwidgets jw-chips";
    root.setAttribute("role", "group");
    const buttons = new Map();

    function draw() {
      const { label, chips } = model.get("state");
      root.setAttribute("aria-label", label);
      const wanted = new Set(chips.map((chip) => chip.key));
      for (const [key, button] of buttons) {
        if (!wanted.has(key)) {
          button.remove();
          buttons.delete(key);
        }
      }
      chips.forEach((chip, at) => {
        let button = buttons.get(chip.key);
        if (!button) {
          button = document.createElement("button");
          button.type = "button";
          const word = document.createElement("span");
          const count = document.createElement("span");
          count.className = "jw-count";
          button.append(word, " ", count);
          button.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault()); // selects no text
          button.addEventListener("click", (event) => {
            const more = event.shiftKey || event.ctrlKey || event.metaKey;
            model.send({ do: "press", key: chip.key, more });
          });
          buttons.set(chip.key, button);
        }
        button.firstChild.className = chip.face ? `jw-face jw-face-${chip.face}` : "";
        button.firstChild.textContent = chip.word;
        button.querySelector(".jw-count").textContent = chip.count;
        drawLine(button, chip.line);
        button.title = chip.hint;
        button.setAttribute("aria-pressed", String(chip.on));
        if (root.children[at] !== button) root.insertBefore(button, root.children[at] ?? null);
      });
    }

    model.on("change:state", draw);
    draw();
    el.append(root);
    return () => {
      model.off("change:state", draw);
      root.remove(); // a page may hold a closed widget for long
    };
  },
};
