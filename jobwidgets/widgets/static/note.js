// Lines of text from the kernel, shown as text and nothing else, and read out when they change.
const TRIES = 60; // frames until a control that is still being made is given up

// What has just opened takes the keyboard with it, since the button that opened it is gone; but not from somebody who
// types in another place meanwhile.
function take(root, target, tries = TRIES) {
  const typing = document.activeElement?.closest("input, textarea, select, [contenteditable=true]");
  if (typing && !root.closest(".jobwidgets-panel")?.contains(typing)) return;
  const wanted = target ? root.closest(".jw-zone")?.querySelector(`.${target}`) : root;
  if (wanted?.isConnected) wanted.focus();
  else if (tries) requestAnimationFrame(() => take(root, target, tries - 1));
}

export default {
  render({ model, el }) {
    const root = document.createElement("div");
    root.tabIndex = -1;
    let taken = 0;
    let counting;

    function countDown(node, seconds) {
      // "next try in 8 s": only a number that goes down; it is not read out each time
      const ends = Date.now() + seconds * 1000;
      node.setAttribute("aria-hidden", "true");
      const tell = () => {
        const left = Math.ceil((ends - Date.now()) / 1000);
        node.textContent = left > 0 ? `next try in ${left} s` : "trying now";
        if (left <= 0) clearInterval(counting);
      };
      counting = setInterval(tell, 1000);
      tell();
    }

    function draw() {
      clearInterval(counting);
      const { lines, tone, role, focus, target } = model.get("state");
      root.className = `jobwidgets jw-note jw-note-${tone}`;
      if (role) root.setAttribute("role", role);
      root.replaceChildren(
        ...lines.map((line) => {
          const node = document.createElement(line.kind === "title" ? "strong" : "span");
          node.textContent = line.text;
          node.className = `jw-line jw-line-${line.kind}`;
          node.title = line.hint ?? "";
          if (line.kind === "left") countDown(node, Number(line.text));
          return node;
        }),
      );
      if (focus > taken) requestAnimationFrame(() => take(root, target));
      taken = focus;
    }

    model.on("change:state", draw);
    draw();
    el.append(root);
    return () => {
      clearInterval(counting);
      model.off("change:state", draw);
      root.remove();
    };
  },
};
