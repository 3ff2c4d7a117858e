// The button "Code": it shows lines that the kernel wrote, as text, and offers them as a new cell or to the clipboard.
let names = 0;

// Offer the code to the front end; say whether it has put it into a new cell.
function newCell(node, code) {
  const event = new CustomEvent("jobwidgets:new-cell", { detail: { code }, cancelable: true, bubbles: true });
  node.dispatchEvent(event);
  return event.defaultPrevented;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // no clipboard here, or no right to it: the person is told
  }
}

function select(node) {
  const range = document.createRange();
  range.selectNodeContents(node);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}

function button(name, pressed) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "jw-press";
  made.textContent = name;
  made.addEventListener("click", pressed);
  return made;
}

export default {
  render({ model, el }) {
    const root = document.createElement("div");
    root.className = "jobwidgets jw-code";
    const sheet = document.createElement("div");
    sheet.className = "jw-code-sheet";
    sheet.id = `jw-code-${(names += 1)}-${model.model_id ?? ""}`;
    const said = document.createElement("span");
    said.className = "jw-code-said";
    said.setAttribute("role", "status");
    const opener = button("", () => model.send({ do: "open", open: !model.get("state").open }));
    const mark = document.createElement("span");
    mark.className = "jw-code-mark";
    mark.setAttribute("aria-hidden", "true");
    mark.textContent = "</>";
    opener.append(mark, " Code");
    opener.setAttribute("aria-controls", sheet.id);
    const head = document.createElement("div");
    head.className = "jw-code-head";
    head.append(opener, said);
    root.append(head, sheet);

    async function copy(text, node, before) {
      if (await copied(text)) {
        said.textContent = before + "Copied: paste it into a cell.";
      } else {
        select(node);
        said.textContent = "This page has no clipboard: the code is selected, press Ctrl-C.";
      }
    }

    function block({ name, code }) {
      const pre = document.createElement("pre");
      pre.tabIndex = 0;
      pre.setAttribute("role", "region");
      pre.setAttribute("aria-label", `Code, ${name}`);
      pre.textContent = code;
      const add = button("New cell", () => {
        if (newCell(root, code)) said.textContent = "In a new cell below. Nothing has been run.";
        else copy(code, pre, "No new cell can be made here. ");
      });
      const take = button("Copy", () => copy(code, pre, ""));
      add.title = "Put it into a new cell below; it is not run";
      for (const each of [add, take]) each.setAttribute("aria-label", `${each.textContent}, ${name}`);
      const title = document.createElement("span");
      title.className = "jw-code-name";
      title.textContent = name;
      const acts = document.createElement("div");
      acts.className = "jw-code-acts";
      acts.append(title, add, take);
      const made = document.createElement("div");
      made.className = "jw-code-block";
      made.append(acts, pre);
      return made;
    }

    let shown = "";
    function draw() {
      const { what, open, error, blocks } = model.get("state");
      opener.setAttribute("aria-expanded", String(open));
      opener.setAttribute("aria-label", what ? `Code: ${what}` : "Code");
      opener.title = what ? `Show the code that does the same: ${what}` : "Show the code that does the same";
      sheet.hidden = !open;
      const now = JSON.stringify([error, blocks]);
      if (now === shown) return; // the same code: the focus stays where it is
      shown = now;
      said.textContent = "";
      const told = document.createElement("p");
      told.className = "jw-code-error";
      told.setAttribute("role", "alert");
      told.textContent = error;
      sheet.replaceChildren(...(error ? [told] : blocks.map(block)));
    }

    model.on("change:state", draw);
    draw();
    el.append(root);
    return () => {
      model.off("change:state", draw);
      root.remove();
    };
  },
};
