// Lines of text from the kernel, shown as text and nothing else, and read out when they change.
export default {
  render({ model, el }) {
    const root = document.createElement("div");
    root.tabIndex = -1;

    function draw() {
      const { lines, tone, role } = model.get("state");
      root.className = `jobwidgets jw-note jw-note-${tone}`;
      if (role) root.setAttribute("role", role);
      root.replaceChildren(
        ...lines.map((line) => {
          const node = document.createElement(line.kind === "title" ? "strong" : "span");
          node.textContent = line.text;
          node.className = `jw-line jw-line-${line.kind}`;
          node.title = line.hint ?? "";
          return node;
        }),
      );
    }

    model.on("change:state", draw);
    draw();
    el.append(root);
    // What has just opened takes the keyboard with it: the button that opened it is gone.
    if (model.get("state").focus) requestAnimationFrame(() => root.focus());
    return () => model.off("change:state", draw);
  },
};
