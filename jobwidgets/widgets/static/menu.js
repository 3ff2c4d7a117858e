// The first half of the table's script: what all of it uses, and the menus of the headings. The kernel says what is in
// a menu and what comes of it; a menu is drawn anew after each answer, and keeps the keyboard where it was.

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

function quiet(event) {
  // The notebook's one-letter shortcuts must not fire while one of our controls has the keyboard.
  event.target.setAttribute("data-lm-suppress-shortcuts", "true");
}

class Menu {
  constructor(root, say, anchor) {
    this.root = root;
    this.say = say;
    this.anchor = anchor; // finds the button that belongs to a column, also after the headings were drawn anew
    this.away = (event) => {
      const inside = event.composedPath();
      if (!inside.includes(this.box) && !inside.includes(this.anchor(this.column))) this.close(false);
    };
  }

  toggle(column) {
    const same = this.box && this.column === column;
    this.close(false);
    if (!same) this.open(column);
  }

  open(column) {
    this.column = column;
    this.box = make("div", { class: "jw-menu", popover: "manual", role: "dialog" });
    this.box.addEventListener("keydown", (event) => this.pressed(event));
    this.box.addEventListener("focusout", ({ relatedTarget: to }) => {
      // its own button closes it by being pressed
      if (to && !this.box?.contains(to) && to !== this.anchor(this.column)) this.close(false);
    });
    this.root.append(this.box);
    this.box.showPopover?.(); // above everything, so that no output cuts it off
    this.anchor(column).setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", this.away, true);
    this.follow(this.box);
    this.say("menu", { column });
  }

  follow(box) {
    // A heading moves with a scroll, with the page's width, and with whatever above it grows or goes: it is looked at.
    if (this.box !== box) return;
    this.place();
    requestAnimationFrame(() => this.follow(box));
  }

  close(back = true) {
    if (!this.box) return;
    const box = this.box;
    this.box = null;
    box.remove();
    document.removeEventListener("pointerdown", this.away, true);
    const anchor = this.anchor(this.column);
    anchor?.setAttribute("aria-expanded", "false");
    if (back) (anchor ?? this.anchor(""))?.focus();
  }

  place() {
    const at = this.anchor(this.column)?.closest("th").getBoundingClientRect();
    if (!at) return this.close(false);
    const { offsetWidth: width, offsetHeight: height } = this.box;
    const below = innerHeight - at.bottom;
    this.box.style.left = `${clamp(this.column ? at.left : at.right - width, 4, Math.max(4, innerWidth - width - 4))}px`;
    const top = below < height + 8 && at.top > below ? at.top - height - 4 : at.bottom + 4;
    this.box.style.top = `${clamp(top, 4, Math.max(4, innerHeight - height - 4))}px`;
    return undefined;
  }

  read(menu) {
    if (!this.box || menu.column !== this.column) return;
    const held = this.box.contains(document.activeElement) ? document.activeElement : null;
    const { scrollTop } = this.box.querySelector(".jw-options") ?? { scrollTop: 0 };
    this.box.setAttribute("aria-label", menu.column ? `Filter ${menu.title}` : menu.title);
    const heading = make("div", { class: "jw-menu-title" });
    heading.textContent = menu.title;
    this.box.replaceChildren(heading, ...this.parts(menu));
    const options = this.box.querySelector(".jw-options");
    if (options) options.scrollTop = scrollTop;
    const stops = [...this.box.querySelectorAll("input, button:enabled")];
    const next = (held && stops.find((stop) => stop.dataset.key === held.dataset.key)) ?? stops[0];
    if (held?.type === "text" && next?.type === "text" && held.dirty) next.value = held.value;
    next?.focus({ preventScroll: true });
  }

  parts(menu) {
    const { column } = menu;
    const parts = [];
    const list = (options, press) => {
      const group = make("div", { role: "group", class: "jw-options", "aria-label": menu.title });
      group.append(...options.map((option) => this.option(option, press)));
      return group;
    };
    if (menu.options.length) parts.push(list(menu.options, (option) => this.say(column ? "tick" : "column", { column, option })));
    if (menu.also) parts.push(list(menu.also, () => this.say("exact", { column })));
    for (const field of menu.fields ?? []) parts.push(this.field(column, field));
    const acts = make("div", { class: "jw-menu-acts" });
    const act = (key, text, press, on = true, label = text) => {
      const button = make("button", { type: "button", class: "jw-plainly", "data-key": key, "aria-label": label, title: label });
      button.textContent = text;
      button.disabled = !on;
      button.addEventListener("click", press);
      return button;
    };
    if (column) {
      const width = (by) => () => {
        this.say("width", { column, width: Math.round(this.anchor(column).closest("th").offsetWidth) + by });
        this.say("menu", { column });
      };
      const hide = () => {
        this.say("column", { column, option: column });
        this.close(false);
        this.anchor("").focus();
      };
      acts.append(
        act("clear", "Clear", () => this.say("clear", { column }), menu.clear, "Clear this filter"),
        act("narrower", "\u2212", width(-menu.step), true, "Narrower"),
        act("wider", "+", width(menu.step), true, "Wider"),
        act("hide", "Hide", hide, menu.hide, "Hide this column"),
      );
    } else acts.append(act("usual", "Usual columns", () => this.say("usual", { column }), menu.usual));
    return [...parts, acts];
  }

  option(option, press) {
    const box = make("input", { type: "checkbox", "data-key": `o ${option.key}` });
    box.checked = option.on;
    box.addEventListener("change", () => press(option.key));
    const text = make("span", { class: option.face ? `jw-face jw-face-${option.face}` : "", dir: "auto" });
    text.textContent = option.text;
    const count = make("span", { class: "jw-count" });
    count.textContent = option.count;
    return make("label", { class: "jw-option", title: option.text }, box, text, count);
  }

  field(column, field) {
    const input = make("input", {
      type: "text",
      placeholder: field.hint,
      maxlength: "100",
      autocomplete: "off",
      spellcheck: "false",
      "data-key": `f ${field.way}`,
      "aria-invalid": String(Boolean(field.error)),
    });
    input.value = field.text;
    input.addEventListener("input", () => (input.dirty = true));
    input.addEventListener("change", () => {
      input.dirty = false;
      this.say("type", { column, way: field.way, text: input.value });
    });
    const text = make("span");
    text.textContent = field.label;
    const error = make("div", { class: "jw-wrong", role: "alert", id: `jw-wrong-${field.way}` }); // one menu is open at a time
    error.textContent = field.error;
    input.setAttribute("aria-describedby", error.id);
    return make("div", { class: "jw-typed" }, make("label", {}, text, input), error);
  }

  pressed(event) {
    event.stopPropagation();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") this.close();
    else if (step && event.target.type === "checkbox") {
      const boxes = [...this.box.querySelectorAll("input[type=checkbox]")];
      boxes[clamp(boxes.indexOf(event.target) + step, 0, boxes.length - 1)].focus();
    } else return;
    event.preventDefault();
  }
}
