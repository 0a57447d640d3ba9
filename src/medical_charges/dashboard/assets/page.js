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
  constructor(element, formats) {
    this.element = element;
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
      drawing, visual.value.column, visual.tips, visual.seriesNames, visual.colors, width < NARROW,
    ]);
    for (const [other, { frame }] of this.views) frame.hidden = other !== key;
    if (!this.views.has(key)) await this.add(key, this.draw(drawing, visual, size), rows);
    else {
      const { view } = this.views.get(key);
      view.signal("room", size.room).width(size.width).height(size.height);
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
  }
}

function sizeOf(drawing, rows, width) {
  const longest = Math.max(0, ...rows.map(({ text }) => text.length));
  return { width, height: heightOf(drawing, rows, width), room: 12 + 7.5 * longest };
}

function withRows(spec, rows) {
  return { ...spec, data: { name: ROWS, values: rows } };
}

/** One visual: chart or table, with what can be done with it. */
class Card {
  constructor(dashboard, visual, formats, page) {
    Object.assign(this, { dashboard, visual, formats, page });
    this.asTable = false;
    this.element = document.getElementById(`chart-${visual.id}`);
    const find = (name) => this.element.querySelector(`.${name}`);
    this.title = this.element.querySelector("h2");
    [this.subtitle, this.chart, this.gap, this.table, this.notes, this.body] =
      ["subtitle", "main", "gap", "tables", "notes", "body"].map(find);
    this.message = find("message");
    this.main = new Canvas(this.chart, formats);
    this.second = this.gap && new Canvas(this.gap.querySelector(".chart"), formats);
    this.addActions(find("actions"));
  }

  addActions(place) {
    const action = (text, hint, onclick) =>
      make("button", { type: "button", class: "quiet", text, onclick, "aria-label": `${hint}: ${this.visual.face.title}` });
    this.toggle = action("Table", "Show as a table", () => this.page.toggleTable(this));
    this.toggle.setAttribute("aria-pressed", "false");
    place.append(
      this.toggle,
      action("Save PNG", "Save PNG", () => this.savePicture()),
      action("Save CSV", "Save CSV", () => this.saveTable()),
    );
    if (this.visual.difference) {
      this.saveGap = action("Save differences", "Save differences as CSV", () => this.saveDifferences());
      place.append(this.saveGap);
    }
    place.append(action("Link", "Copy a link to this view", () => this.page.copyLink(this.visual.id)));
  }

  async update(selection) {
    this.shown = new Shown(this.dashboard, this.visual, selection, this.formats);
    this.title.textContent = this.shown.face.title;
    this.subtitle.textContent = this.shown.subtitle;
    this.notes.textContent = this.shown.notes();
    await this.render();
  }

  async render() {
    const { shown } = this;
    const { message } = shown;
    const asTable = this.asTable && shown.tabular;
    const gaps = shown.differenceRows();
    this.toggle.setAttribute("aria-pressed", String(this.asTable));
    this.table.hidden = !asTable;
    this.chart.hidden = asTable || message !== "";
    this.message.hidden = asTable || message === "";
    this.message.textContent = message;
    if (this.gap) {
      this.gap.hidden = asTable || !gaps.length;
      this.saveGap.hidden = !gaps.length;
    }
    if (asTable) {
      this.table.replaceChildren(...tablesOf(shown));
      return;
    }
    if (!message) await this.main.show(shown.drawing, shown.drawn, shown.chartRows());
    if (this.gap && gaps.length) await this.second.show("differences", this.gapVisual(), gaps.map(forVega));
  }

  async resized() {
    this.main.width = 0;
    if (this.second) this.second.width = 0;
    if (this.shown) await this.render();
  }

  gapVisual() {
    const { title } = this.visual.difference;
    return { ...this.shown.drawn, description: title, seriesNames: [], colors: [], tips: [] };
  }

  async savePicture() {
    const { shown } = this;
    const draw = makeCharts(resolved, this.formats);
    const parts = [[shown.drawing, shown.drawn, shown.chartRows()]];
    if (shown.differences.length) parts.push(["differences", this.gapVisual(), shown.differenceRows().map(forVega)]);
    const canvases = [];
    for (const [i, [drawing, visual, rows]] of parts.entries()) {
      const size = sizeOf(drawing, rows, PICTURE_WIDTH);
      const spec = draw(drawing, visual, { ...size, height: size.height + (i ? 40 : 90) });
      const title = i
        ? { text: this.visual.difference.title, fontSize: 13 }
        : { text: shown.face.title, fontSize: 17, subtitle: [shown.subtitle, this.page.described()].filter(Boolean) };
      const full = {
        ...withRows(spec, rows),
        background: resolved("surface"),
        padding: { left: 24, right: 28, top: i ? 4 : 24, bottom: 20 },
        title: {
          anchor: "start", frame: "bounds", offset: 18, font: FONT, subtitleFont: FONT, fontWeight: 600,
          color: resolved("ink"), subtitleColor: resolved("muted"), subtitleFontSize: 12.5, ...title,
        },
      };
      const { view } = await vegaEmbed(document.createElement("div"), full, { ...EMBED, renderer: "none" });
      canvases.push(await view.toCanvas(2));
      view.finalize();
    }
    const picture = stacked(canvases);
    save(picture.toDataURL("image/png"), `${shown.fileName()}.png`);
  }

  saveTable() {
    saveText(this.shown.csv(), `${this.shown.fileName()}.csv`);
  }

  saveDifferences() {
    saveText(this.shown.differencesCsv(), `${this.shown.fileName()}_differences.csv`);
  }
}

function stacked(canvases) {
  const picture = document.createElement("canvas");
  picture.width = Math.max(...canvases.map(({ width }) => width));
  picture.height = canvases.reduce((sum, { height }) => sum + height, 0);
  const context = picture.getContext("2d");
  context.fillStyle = resolved("surface");
  context.fillRect(0, 0, picture.width, picture.height);
  let top = 0;
  for (const canvas of canvases) {
    context.drawImage(canvas, 0, top);
    top += canvas.height;
  }
  return picture;
}

function save(href, download) {
  make("a", { href, download }).click();
}

function saveText(text, name) {
  const href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  save(href, name);
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}

function tablesOf(shown) {
  const { visual, formats, groups, fields } = shown;
  const heads = [...groups.map(({ title }) => title), ...fields.map(({ title }) => title)];
  const rows = shown.rows.map((row) => [
    ...row.key.map((_, place) => shown.label(place, row.key)),
    ...(row.state === STATES.shown || row.counted
      ? fields.map((field) => shown.fieldText(row, field))
      : [STATE_TEXT[row.state], ...fields.slice(1).map(() => NOTHING)]),
  ]);
  const table = tableOf(shown.face.title, heads, rows, groups.length);
  // The card's heading says it to those who see it.
  table.caption.className = "visually-hidden";
  const tables = [scrolling(table)];
  if (shown.differences.length) {
    const { difference } = visual;
    const strata = difference.within.map((column) => shown.dashboard.groups.get(column).title);
    const text = (value) => ((value ?? null) === null ? NOTHING : formats.difference(value));
    const lines = shown.differenceRows().map((row) => [
      ...(strata.length ? [row.category] : []),
      ...(row.state === STATES.shown
        ? [text(row.difference), text(row.low), text(row.high)]
        : [STATE_TEXT[row.state], NOTHING, NOTHING]),
    ]);
    const titles = [...(strata.length ? [strata.join(", ")] : []), "Difference", "95% interval from", "95% interval to"];
    tables.push(scrolling(tableOf(difference.title, titles, lines, strata.length ? 1 : 0)));
  }
  return tables;
}

/** What is wider than the page scrolls in itself, by keyboard too. */
function scrolling(table) {
  const label = table.caption.textContent;
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, table);
}

function tableOf(caption, heads, rows, texts) {
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
    make("caption", { text: caption }),
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
    this.cards = definition.visuals.map((visual) => new Card(dashboard, visual, this.formats, this));
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
    this.showTiles();
    await Promise.all(this.cards.map((card) => card.update(this.selection)));
    performance.measure("selection", { start: started, end: performance.now() });
    document.documentElement.dataset.shown = this.hash();
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
      small.textContent = this.described();
    }
    const people = this.dashboard.totals?.at(this.selection);
    const count = people ? `${this.formats.count(people.n)} ${this.dashboard.definition.units}` : STATE_TEXT.withheld;
    this.hush();
    if (this.dashboard.totals) this.status.textContent = `${this.described()}: ${count}`;
  }

  ofRun(tile, run) {
    if (!run) return [NOTHING, "not known"];
    if (tile.kind === "rejected") return [this.formats.count(run.rejected), `of ${this.formats.count(run.rows)} read`];
    const { date, time } = formatRun(run.run_id);
    return [date, time];
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
  }

  async resized() {
    const width = document.querySelector(".cards").clientWidth;
    if (width === this.width) return;
    this.width = width;
    for (const card of this.cards) await card.resized();
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
    this.selection = this.dashboard.everything();
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
  performance.mark("drawn");
  document.documentElement.dataset.ready = "true";
}

start().catch((error) => {
  document.documentElement.dataset.failed = "true";
  throw error;
});
