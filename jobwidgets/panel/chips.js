// Toggles with a count each: they show what the kernel says and tell which one was pressed.
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
          button.addEventListener("click", () => model.send({ do: "press", key: chip.key }));
          buttons.set(chip.key, button);
        }
        button.firstChild.className = chip.face ? `jw-face jw-face-${chip.face}` : "";
        button.firstChild.textContent = chip.word;
        button.lastChild.textContent = chip.count;
        button.title = chip.hint;
        button.setAttribute("aria-pressed", String(chip.on));
        if (root.children[at] !== button) root.insertBefore(button, root.children[at] ?? null);
      });
    }

    model.on("change:state", draw);
    draw();
    el.append(root);
    return () => model.off("change:state", draw);
  },
};
