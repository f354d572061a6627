/** Buttons, sliders and the like: native ones, which keyboards and screen readers know. */

type Children = (Node | string)[];

/** An HTML element with these properties. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<Omit<HTMLElementTagNameMap[Tag], "style">> = {},
  ...children: Children
): HTMLElementTagNameMap[Tag] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function group(...children: Children): HTMLElement {
  return element("div", { className: "play-group" }, ...children);
}

export function button(label: string, onclick: () => void): HTMLButtonElement {
  return element("button", { type: "button", textContent: label, onclick });
}

/** A button that says what pressing it will do; `change` is told whether it goes on now. */
export class Switch {
  readonly button: HTMLButtonElement;
  on = false;

  constructor(
    private start: string,
    private stop: string,
    private change: (on: boolean) => void,
  ) {
    this.button = button(start, () => this.set(!this.on));
  }

  set(on: boolean): void {
    if (on === this.on) return;
    this.on = on;
    this.button.textContent = on ? this.stop : this.start;
    this.change(on);
  }
}

interface Range {
  label: string;
  min: number;
  max: number;
  step: number;
  value: number;
  show?: (value: number) => string;
}

/** A slider that shows its value; `change` is told each new one. */
export function slider({ label, show = String, ...range }: Range, change: (value: number) => void): HTMLElement {
  const shown = element("output", { textContent: show(range.value) });
  const { value, ...limits } = range;
  const input = element("input", { type: "range", ariaLabel: label });
  Object.assign(input, limits); // before the value, which they bound
  input.valueAsNumber = value;
  input.oninput = () => {
    shown.textContent = show(input.valueAsNumber);
    input.ariaValueText = shown.textContent;
    change(input.valueAsNumber);
  };
  return element("label", { className: "play-slider" }, label, input, shown);
}

export function choice(label: string, options: [string, string][], change: (value: string) => void): HTMLElement {
  const select = element("select", {}, ...options.map(([value, text]) => element("option", { value }, text)));
  select.onchange = () => change(select.value);
  return element("label", {}, label, " ", select);
}

export function checkbox(label: string, checked: boolean, change: (checked: boolean) => void): HTMLElement {
  const input = element("input", { type: "checkbox", checked });
  input.onchange = () => change(input.checked);
  return element("label", {}, input, " ", label);
}

/** A line of text that screen readers read out when it changes. */
export function announcement(): HTMLElement {
  const line = element("p", { className: "play-says" });
  line.setAttribute("role", "status");
  return line;
}

/** Until the browser is ready to draw the next picture; where it draws none, for a moment. */
export function nextFrame(): Promise<unknown> {
  return new Promise((resolve) => (document.hidden ? setTimeout(resolve, 100) : requestAnimationFrame(resolve)));
}
