// A card for each visual: its chart or its table, with what can be done with it.

/** An element with attributes (`class`, `text` and listeners `onX` among them) and children. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children);
  return element;
}

const PICTURE_WIDTH = 760;
const ERRORS_ONLY = 1; // Vega's number for it

const EMBED = {
  mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false,
  tooltip: { disableDefaultStyle: true },
  // That a scale has no extent is no mistake where everything is withheld.
  logLevel: ERRORS_ONLY,
};

const onPage = (name) => `var(--${name})`;
const resolved = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Views of one place on the page: one for each drawing, made when it is first needed. */
class Canvas {
  constructor(element, formats, picked) {
    this.element = element;
    this.picked = picked;
    this.draw = makeCharts(onPage, formats);
    this.views = new Map();
    /** Measured once: to ask for it makes the browser lay out the page. */
    this.width = 0;
  }

  async show(drawing, visual, rows) {
    const width = (this.width ||= Math.floor(this.element.clientWidth));
    if (!width) return;
    const size = sizeOf(drawing, rows, width);
    const key = JSON.stringify([
      drawing, visual.value.column, visual.tips, visual.seriesNames, visual.colors, Math.floor(width / 240),
    ]);
    for (const [other, { frame }] of this.views) frame.hidden = other !== key;
    if (!this.views.has(key)) await this.add(key, this.draw(drawing, visual, size), rows);
    else {
      const { view } = this.views.get(key);
      view.signal("room", size.room).signal("before", size.before).width(size.width).height(size.height);
      view.description(visual.description);
      await view.data(ROWS, rows).runAsync();
    }
  }

  async add(key, spec, rows) {
    const frame = make("div");
    this.element.append(frame);
    this.views.set(key, { frame });
    const { view } = await vegaEmbed(frame, withRows(spec, rows), EMBED);
    this.views.set(key, { frame, view });
    frame.view = view;
    // For those who point: the filters on top do the same for everybody.
    view.addEventListener("click", (_, item) => item?.datum?.pick && this.picked(item.datum.pick));
  }
}

function sizeOf(drawing, rows, width) {
  const longest = (of) => Math.max(0, ...rows.filter(of).map(({ text }) => text.length));
  const below = ({ value }) => value < 0;
  const room = (letters) => (letters ? 12 + 7.5 * letters : 6);
  return {
    width, height: heightOf(drawing, rows, width), room: room(longest((row) => !below(row))), before: rows.some(below) ? room(longest(below)) : 0,
  };
}

function withRows(spec, rows) {
  return { ...spec, data: { name: ROWS, values: rows } };
}

/** One visual: chart or table, with what can be done with it. */
class Card {
  constructor(dashboard, visual, formats, page) {
    Object.assign(this, { dashboard, visual, formats, page });
    this.asTable = false;
    this.unfolded = false;
    this.element = document.getElementById(`chart-${visual.id}`);
    const find = (name) => this.element.querySelector(`.${name}`);
    this.title = this.element.querySelector("h2");
    [this.subtitle, this.chart, this.table, this.notes, this.message] =
      ["subtitle", "main", "tables", "notes", "message"].map(find);
    this.main = new Canvas(this.chart, formats, (pick) => page.pick(pick));
    this.addActions(find("actions"));
  }

  addActions(place) {
    const action = (text, hint, onclick) =>
      make("button", { type: "button", class: "quiet", text, onclick, "aria-label": `${hint}: ${this.title.textContent}` });
    this.toggle = action("Table", "Show as a table", () => this.page.toggleTable(this));
    this.toggle.setAttribute("aria-pressed", "false");
    this.unfold = action("Show all", "Draw all groups", () => this.page.unfold(this));
    place.append(
      this.unfold,
      this.toggle,
      action("Save PNG", "Save PNG", () => this.savePicture()),
      action("Save CSV", "Save CSV", () => this.saveTable()),
      action("Link", "Copy a link to this view", () => this.page.copyLink(this.visual.id)),
    );
  }

  async update(selection) {
    const kind = this.visual.differences ? Comparisons : Shown;
    this.shown = new kind(this.dashboard, this.visual, selection, this.formats);
    this.title.textContent = this.shown.face.title;
    this.subtitle.textContent = this.shown.subtitle;
    await this.render();
  }

  async render() {
    const { shown } = this;
    const { message } = shown;
    const asTable = this.asTable && shown.tabular;
    this.toggle.setAttribute("aria-pressed", String(this.asTable));
    this.element.classList.toggle("tabled", asTable);
    this.table.hidden = !asTable;
    this.chart.hidden = asTable || message !== "";
    this.message.hidden = asTable || message === "";
    this.message.textContent = message;
    if (asTable) this.table.replaceChildren(scrolling(tableOf(shown.table())));
    else if (!message) await this.main.show(shown.drawing, shown.drawn, shown.chartRows(this.unfolded));
    const { foldable: many } = shown;
    this.unfold.hidden = !many || asTable || message !== "";
    this.unfold.textContent = this.unfolded ? "Show fewer" : `Show all ${many}`;
    this.unfold.setAttribute("aria-pressed", String(this.unfolded));
    this.notes.textContent = shown.notes(this.unfolded);
  }

  async resized() {
    this.main.width = 0;
    if (this.shown) await this.render();
  }

  async savePicture() {
    const { shown } = this;
    const draw = makeCharts(resolved, this.formats);
    const rows = shown.chartRows(this.unfolded);
    const size = sizeOf(shown.drawing, rows, PICTURE_WIDTH);
    const spec = draw(shown.drawing, shown.drawn, { ...size, height: size.height + 90 });
    const full = {
      ...withRows(spec, rows),
      background: resolved("surface"),
      padding: { left: 24, right: 28, top: 24, bottom: 20 },
      title: {
        anchor: "start", frame: "bounds", offset: 18, font: FONT, subtitleFont: FONT, fontWeight: 600,
        color: resolved("ink"), subtitleColor: resolved("muted"), subtitleFontSize: 12.5,
        text: shown.face.title, fontSize: 17, subtitle: [shown.subtitle, this.page.described()].filter(Boolean),
      },
    };
    const { view } = await vegaEmbed(document.createElement("div"), full, { ...EMBED, renderer: "none" });
    const picture = withSource(await view.toCanvas(2), this.page.sourceLines());
    view.finalize();
    save(picture.toDataURL("image/png"), `${shown.fileName()}.png`);
  }

  saveTable() {
    const { definition } = this.dashboard;
    const about = [`${definition.title}: ${this.shown.face.title}`, this.page.described(), ...this.page.sourceLines()];
    // What is published has no source, and neither has what is saved of it, unless the contract has.
    const lines = definition.source.length ? about.filter(Boolean).map((line) => `# ${line}\n`) : [];
    saveText(lines.join("") + this.shown.csv(), `${this.shown.fileName()}.csv`);
  }
}

/** A picture with lines below it, which are broken where it ends. */
function withSource(picture, lines) {
  if (!lines.length) return picture;
  const [size, margin] = [22, 48];
  const whole = document.createElement("canvas");
  const context = whole.getContext("2d");
  const font = `${size}px ${FONT}`;
  context.font = font;
  const broken = lines.flatMap((line) => brokenUp(context, line, picture.width - 2 * margin));
  whole.width = picture.width;
  whole.height = picture.height + broken.length * size * 1.4 + margin;
  context.fillStyle = resolved("surface");
  context.fillRect(0, 0, whole.width, whole.height);
  context.drawImage(picture, 0, 0);
  Object.assign(context, { font, fillStyle: resolved("muted"), textBaseline: "top" });
  broken.forEach((line, i) => context.fillText(line, margin, picture.height + i * size * 1.4));
  return whole;
}

function brokenUp(context, text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (lines.at(-1) && context.measureText(longer).width > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

function save(href, download) {
  make("a", { href, download }).click();
}

function saveText(text, name) {
  const href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  save(href, name);
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}

/** What is wider than the page scrolls in itself, by keyboard too. */
function scrolling(table) {
  const label = table.caption.textContent;
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, table);
}

function tableOf({ caption, heads, rows, texts }) {
  const head = heads.map((text, i) => make("th", { scope: "col", class: i < texts ? "text" : null, text }));
  const body = rows.map((cells) =>
    make("tr", {}, ...cells.map((text, i) => {
      const absent = Object.values(STATE_TEXT).includes(text);
      return i < texts
        ? make("th", { scope: "row", class: "text", text })
        : make("td", { class: absent ? "absent" : null, text });
    })),
  );
  return make("table", {},
    // The card's heading says it to those who see it.
    make("caption", { class: "visually-hidden", text: caption }),
    make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...body),
  );
}
