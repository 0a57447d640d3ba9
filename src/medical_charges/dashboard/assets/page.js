// The page: filters, tiles, and the cards in their places.

const GAP = 16; // pixels between cards, as in the style
const WHOLE_WIDTH = ".wide, .tabled, .full";
const TOLERATED = 120; // pixels of a gap that are no reason to move anything
const TOLD_FOR = 4000; // milliseconds

// Names from the contract are told from the page's own by what they begin with.
const filterKey = (column) => `filter-${column}`;

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
   * Two columns of cards as tall as their content: each card goes where there is most room. Some of
   * bars take the whole width if that leaves less of a gap; which, no selection changes. The last
   * one of the shorter column fills what is left.
   */
  async arrange({ again } = {}) {
    const place = document.querySelector(".cards");
    if (again) await this.chooseFull();
    for (const { element } of this.cards) element.classList.remove("last");
    for (const card of this.cards) card.height = card.element.offsetHeight;
    for (const card of this.cards) span(card, card.height);
    place.classList.add("arranged");
    const ends = this.lastOfColumns();
    const lowest = Math.max(...ends.map(bottomOf));
    for (const card of ends) {
      if (bottomOf(card) === lowest) continue;
      card.element.classList.add("last");
      span(card, card.height + lowest - bottomOf(card));
    }
  }

  /** The last card of each column, where there are two. */
  lastOfColumns() {
    const last = new Map();
    for (const card of this.cards.filter(({ element }) => !element.matches(WHOLE_WIDTH))) {
      const column = card.element.offsetLeft;
      if (!last.has(column) || bottomOf(last.get(column)) < bottomOf(card)) last.set(column, card);
    }
    return last.size === 2 ? [...last.values()] : [];
  }

  async chooseFull() {
    for (const { element } of this.cards) element.classList.remove("full");
    const halves = this.cards.filter(({ element }) => !element.matches(WHOLE_WIDTH))
      .map((card) => ({ card, height: card.element.offsetHeight }));
    const full = [];
    for (let half = halves; half;) {
      const without = (card) => half.filter((other) => other.card !== card);
      const options = half.map(({ card }) => ({ card, gap: gapOf(without(card)) }))
        .filter(({ card }) => half.length === 1 || ["bars", "grouped"].includes(card.shown?.drawing));
      const [best] = options.sort((a, b) => a.gap - b.gap);
      const better = best && best.gap < gapOf(half) - TOLERATED;
      if (better) full.push(best.card);
      half = better ? without(best.card) : null;
    }
    for (const card of full) {
      card.element.classList.add("full");
      await card.resized();
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

/** Give a card so many pixels of the cards' grid, and the gap below it. */
function span({ element }, height) {
  const rows = `span ${height + GAP}`;
  if (element.style.gridRowEnd !== rows) element.style.gridRowEnd = rows;
}

const bottomOf = ({ element, height }) => element.offsetTop + height;

/** How much longer one of two columns is than the other, if each card goes into the shorter one. */
function gapOf(cards) {
  const columns = [0, 0];
  for (const { height } of cards) columns[columns[0] <= columns[1] ? 0 : 1] += height + GAP;
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
