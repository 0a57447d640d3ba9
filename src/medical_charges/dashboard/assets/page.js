// The page: filters, tiles, and a card for each visual.

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
const GAP = 16; // pixels between cards, as in the style
const TOLERATED = 120; // pixels of a gap that are no reason to move anything
const TOLD_FOR = 4000; // milliseconds
const ERRORS_ONLY = 1; // Vega's number for it

const EMBED = {
  mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false,
  tooltip: { disableDefaultStyle: true },
  // That a scale has no extent is no mistake where everything is withheld.
  logLevel: ERRORS_ONLY,
};

// Names from the contract are told from the page's own by what they begin with.
const filterKey = (column) => `filter-${column}`;

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

class Page {
  constructor(dashboard) {
    this.dashboard = dashboard;
    const { definition } = dashboard;
    this.formats = makeFormats(definition, typicalOf(dashboard));
    this.selection = dashboard.everything();
    this.form = document.querySelector(".filters form");
    this.status = document.getElementById("status");
    this.fillFilters();
    const visuals = [...definition.visuals, definition.compared].filter(Boolean);
    const wide = ({ id }) => document.getElementById(`chart-${id}`).matches(".wide");
    // As they stand on the page.
    this.cards = [...visuals.filter((it) => !wide(it)), ...visuals.filter(wide)].map((visual) => new Card(dashboard, visual, this.formats, this));
    window.addEventListener("hashchange", () => this.read());
    new ResizeObserver(() => this.resized()).observe(document.querySelector(".cards"));
  }

  fillFilters() {
    if (!this.form) return;
    this.selects = new Map();
    for (const { column, values, label } of this.dashboard.filters) {
      const select = this.form.elements.namedItem(filterKey(column));
      select.append(...values.map((value) => make("option", { value, text: label(value) })));
      select.addEventListener("change", () => this.select(new Map(this.selection).set(column, select.value)));
      this.selects.set(column, select);
    }
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.clear = this.form.querySelector(".clear");
    this.clear.addEventListener("click", () => {
      this.select(this.dashboard.everything());
      this.selects.values().next().value.focus();
    });
    this.form.querySelector(".link").addEventListener("click", () => this.copyLink(null));
  }

  /** What was clicked on a chart becomes the filter, or is no longer. */
  pick({ column, value }) {
    this.select(new Map(this.selection).set(column, value));
  }

  select(selection) {
    this.selection = selection;
    this.write();
    return this.show();
  }

  async show() {
    const started = performance.now();
    for (const [column, select] of this.selects ?? []) {
      select.value = this.selection.get(column);
      select.classList.toggle("set", select.value !== ALL);
    }
    if (this.clear) this.clear.disabled = !this.dashboard.isNarrowed(this.selection);
    this.showSentences();
    this.showTiles();
    await Promise.all(this.cards.map((card) => card.update(this.selection)));
    await this.arrange();
    performance.measure("selection", { start: started, end: performance.now() });
    document.documentElement.dataset.shown = this.hash();
  }

  showSentences() {
    const place = document.querySelector(".tells");
    const sentences = sentencesOf(this.dashboard, this.selection, this.formats);
    place.hidden = !sentences.length;
    place.querySelector(".small").textContent = this.dashboard.isNarrowed(this.selection) ? this.described() : "";
    place.querySelector("ul").replaceChildren(...sentences.map((text) => make("li", { text })));
  }

  showTiles() {
    const { definition, run } = this.dashboard;
    for (const tile of definition.tiles) {
      const place = document.getElementById(`tile-${tile.id}`);
      const [figure, small] = ["figure", "small"].map((name) => place.querySelector(`.${name}`));
      if (tile.kind === "rejected" || tile.kind === "as_of") {
        [figure.textContent, small.textContent] = this.ofRun(tile, run);
        continue;
      }
      const value = this.dashboard.tile(tile, this.selection);
      const absent = value === null || value === undefined;
      figure.classList.toggle("absent", absent);
      if (value === null) figure.textContent = STATE_TEXT.withheld;
      else if (value === undefined) figure.textContent = STATE_TEXT.nobody;
      else figure.textContent = tile.kind === "mean" ? this.formats.withUnit(value) : this.formats[tile.format](value);
      small.textContent = [this.described(), this.against(tile, value)].filter(Boolean).join("; ");
    }
    const people = this.dashboard.totals?.at(this.selection);
    const count = people ? `${this.formats.count(people.n)} ${this.dashboard.definition.units}` : STATE_TEXT.withheld;
    this.hush();
    if (this.dashboard.totals) this.status.textContent = `${this.described()}: ${count}`;
  }

  /** A tile's figure against that of all people, while these are not what is shown. */
  against(tile, value) {
    const { definition } = this.dashboard;
    const all = this.dashboard.tile(tile, this.dashboard.everything());
    if (!this.dashboard.isNarrowed(this.selection) || (value ?? null) === null || (all ?? null) === null) return "";
    if (tile.kind === "people") return `${this.formats.share(value / all)} of all ${this.formats.count(all)}`;
    const points = (x) => `${this.formats.points(100 * x)} points`;
    const [text, gap] = tile.kind === "share"
      ? [this.formats.share(all), points(value - all)]
      : [this.formats.withUnit(all), this.formats.difference(value - all)];
    return `${gap} against all ${definition.units} (${text})`;
  }

  ofRun(tile, run) {
    if (!run) return [NOTHING, "not known"];
    if (tile.kind === "rejected") return [this.formats.count(run.rejected), `of ${this.formats.count(run.rows)} read`];
    const { date, time } = formatRun(run.run_id);
    return [date, time];
  }

  /** What the contract says of the data, and of when it is. */
  sourceLines() {
    const { definition, run } = this.dashboard;
    if (!definition.source.length) return [];
    const lines = definition.source.map(([name, text]) => `${name}: ${text}`);
    return run ? [...lines, `Data as of: ${Object.values(formatRun(run.run_id)).join(", ")}`] : lines;
  }

  /** The selection in words. */
  described() {
    const chosen = this.dashboard.filters
      .filter(({ column }) => this.selection.get(column) !== ALL)
      .map(({ column, label }) => label(this.selection.get(column)));
    return chosen.join(", ") || (this.dashboard.filters.length ? `All ${this.dashboard.definition.units}` : "");
  }

  async toggleTable(card) {
    card.asTable = !card.asTable;
    this.write();
    await card.render();
    await this.arrange();
  }

  async unfold(card) {
    card.unfolded = !card.unfolded;
    await card.render();
    await this.arrange();
  }

  /**
   * Two columns of cards as tall as their content: each card goes where there is most room. One of
   * bars takes the whole width if that leaves less of a gap; which, no selection changes.
   */
  async arrange({ again } = {}) {
    const place = document.querySelector(".cards");
    if (again) await this.chooseFull();
    const heights = this.cards.map(({ element }) => element.offsetHeight);
    this.cards.forEach((card, i) => {
      if (card.height === heights[i]) return;
      card.height = heights[i];
      card.element.style.gridRowEnd = `span ${heights[i] + GAP}`;
    });
    place.classList.add("arranged");
  }

  async chooseFull() {
    for (const { element } of this.cards) element.classList.remove("full");
    const halves = this.cards.filter(({ element }) => !element.matches(".wide, .tabled"));
    const heights = halves.map(({ element }) => element.offsetHeight);
    const options = halves.map((card, i) => ({ card, gap: gapOf(heights.filter((_, j) => j !== i)) }))
      .filter(({ card }) => ["bars", "grouped"].includes(card.shown?.drawing));
    const [best] = options.sort((a, b) => a.gap - b.gap);
    if (best && best.gap < gapOf(heights) - TOLERATED) {
      best.card.element.classList.add("full");
      await best.card.resized();
    }
  }

  async resized() {
    const width = document.querySelector(".cards").clientWidth;
    if (width === this.width) return;
    this.width = width;
    for (const card of this.cards) await card.resized();
    await this.arrange({ again: true });
  }

  /** The view as the part of a link after its `#`. */
  hash(chart = null) {
    const parts = new URLSearchParams();
    for (const [column, value] of this.selection) if (value !== ALL) parts.set(filterKey(column), value);
    const tables = this.cards.filter(({ asTable }) => asTable).map(({ visual }) => visual.id);
    if (tables.length) parts.set("table", tables.join(","));
    if (chart) parts.set("chart", chart);
    return parts.toString();
  }

  write() {
    history.replaceState(null, "", `#${this.hash()}`);
  }

  /** Show what the link says; what it says of other data is passed over. */
  async read() {
    const parts = new URLSearchParams(location.hash.slice(1));
    this.selection = new Map(this.dashboard.everything());
    for (const { column, values } of this.dashboard.filters) {
      const value = parts.get(filterKey(column));
      if (values.includes(value)) this.selection.set(column, value);
    }
    const tables = (parts.get("table") ?? "").split(",");
    for (const card of this.cards) card.asTable = tables.includes(card.visual.id);
    await this.show();
    const wanted = this.cards.find(({ visual }) => visual.id === parts.get("chart"));
    if (wanted) wanted.element.scrollIntoView();
  }

  async copyLink(chart) {
    history.replaceState(null, "", `#${this.hash(chart)}`);
    try {
      await navigator.clipboard.writeText(location.href);
      this.tell("The link to this view is copied.");
    } catch {
      this.tell("The address of this page is now the link to this view.");
    }
  }

  /** Say something to everybody, for a moment. */
  tell(sentence) {
    this.status.textContent = sentence;
    this.status.className = "told";
    clearTimeout(this.told);
    this.told = setTimeout(() => this.hush(), TOLD_FOR);
  }

  /** Leave what is said to those who hear the page: the others see it. */
  hush() {
    this.status.className = "visually-hidden";
  }
}

/** How much longer one of two columns is than the other, if each card goes into the shorter one. */
function gapOf(heights) {
  const columns = [0, 0];
  for (const height of heights) columns[columns[0] <= columns[1] ? 0 : 1] += height + GAP;
  return Math.abs(columns[0] - columns[1]);
}

/** A usual size of the measure, which decides how many decimals it is shown with. */
function typicalOf(dashboard) {
  const { definition } = dashboard;
  const means = definition.visuals.flatMap((visual) =>
    dashboard.published.get(visual.id).map(({ figures }) => figures[`mean_${definition.measure}`]),
  );
  return means.reduce((most, mean) => Math.max(most, Math.abs(mean ?? 0)), 0);
}

/** The text of a part of the page, which is packed to keep the page small. */
async function unpacked(id) {
  const packed = document.getElementById(id).textContent;
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

async function start() {
  const [library, data] = await Promise.all(["library", "data"].map(unpacked));
  document.head.append(make("script", { text: library }));
  const page = new Page(new Dashboard(JSON.parse(data)));
  await page.read();
  const report = document.querySelector(".report");
  if (report) report.hidden = location.protocol !== "file:";
  performance.mark("drawn");
  document.documentElement.dataset.ready = "true";
}

start().catch((error) => {
  document.documentElement.dataset.failed = "true";
  throw error;
});
