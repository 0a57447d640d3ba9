// What a visual's rows come to for a chart, a table and a file: texts, positions and notes.

const NOTHING = "\u2013";
const STATE_TEXT = { withheld: "withheld", nobody: "nobody" };
const DRAWING_TEXT = {
  bars: "Bar chart", grouped: "Grouped bar chart", pie: "Pie chart",
  line: "Line chart", steps: "Line chart",
};

/** Text as a value of Vega's, which keeps values as keys of objects: these have some already. */
const valueOf = (text) => (text in Object.prototype ? `${text}\u200b` : text);

/** A row as the charts take it. */
const forVega = (row) => ({
  ...row, category: valueOf(row.category), series: valueOf(row.series ?? ""),
});

/** A visual under a selection, ready to be drawn, read and saved. */
class Shown {
  constructor(dashboard, visual, selection, formats) {
    Object.assign(this, { dashboard, visual, selection, formats });
    this.narrowed = dashboard.isNarrowed(selection);
    const columns = this.narrowed ? visual.filtered_groups : visual.groups;
    this.groups = columns.map((column) => dashboard.groups.get(column));
    this.face = dashboard.face(visual, selection);
    this.rows = dashboard.rows(visual, selection);
    this.differences = dashboard.differences(visual, selection);
    const held = dashboard.columns(visual, selection);
    this.fields = visual.fields.filter(({ column }) => held.includes(column));
    this.withheld = this.rows.filter(({ state }) => state === STATES.withheld);
    this.drawing = this.chooseDrawing();
  }

  chooseDrawing() {
    const { visual } = this;
    if (this.message) return "message";
    if (visual.kind === "pie") return this.withheld.length ? "bars" : "pie";
    if (visual.kind === "line") {
      const { format, names } = this.groups[visual.category[0]];
      // Numbers with names are codes; one alone is the last, from which on all are one group.
      return format === "integer" && names.size < 2 ? "line" : "steps";
    }
    return visual.kind === "bars" ? "bars" : "grouped";
  }

  has(columns) {
    return columns !== null && columns.every((name) => this.fields.some(({ column }) => column === name));
  }

  get subtitle() {
    return this.face.subtitle;
  }

  /** What stands in the place of a drawing in which there would be nothing, or "". */
  get message() {
    if (!this.rows.length) return "Withheld";
    if (!this.has([this.face.value.column])) return `Published for all ${this.dashboard.definition.units} only`;
    if (this.rows.some(({ state }) => state === STATES.shown)) return "";
    return this.withheld.length ? "Withheld" : "Nobody";
  }

  /** Whether there is anything to be read as a table. */
  get tabular() {
    return this.rows.length > 0 && this.fields.length > 0;
  }

  /** The drawing in words. */
  get description() {
    const { face, subtitle } = this;
    if (this.message) return this.message;
    const groups = this.groups.map((group, place) => {
      const found = group.values ? inOrder(group, this.rows.map(({ key }) => key[place])) : [];
      const names = found.map(group.label).join(", ");
      return inSentence(group.title) + (names && ` (${names})`);
    });
    const what = `${DRAWING_TEXT[this.drawing]} of ${inSentence(face.value.title)}`;
    return `${what} by ${groups.join(" and ")}.${subtitle && ` ${subtitle}.`}`;
  }

  label(place, key) {
    return this.groups[place].label(key[place]);
  }

  categoryOf(key) {
    return this.visual.category.map((place) => this.label(place, key)).join(", ") || "Everybody";
  }

  seriesOf(key) {
    return this.visual.series === null ? "" : this.label(this.visual.series, key);
  }

  /** A figure's text; where a row shows people alone, the others are withheld. */
  fieldText({ counted, figures }, { column, format }) {
    const value = figures[column] ?? null;
    if (value !== null) return this.formats[format](value);
    return counted && !OF_COUNTS.includes(format) ? STATE_TEXT.withheld : NOTHING;
  }

  /** Title and text of everything that a tooltip says of a row; limits and extremes as one. */
  facts(row) {
    const { key, figures, counted } = row;
    const { limits } = this.visual;
    const facts = this.groups.map((group, place) => [group.title, this.label(place, key)]);
    for (const field of this.fields) {
      if (limits && field.column === limits[1]) continue;
      if (limits && field.column === limits[0]) {
        const ends = limits.map((column) => figures[column] ?? null);
        const none = counted ? STATE_TEXT.withheld : NOTHING;
        const text = ends.includes(null) ? none : ends.map((end) => this.formats.measure(end)).join(" to ");
        facts.push(["95% interval", text]);
      } else facts.push([field.title, this.fieldText(row, field)]);
    }
    return facts;
  }

  /** The visual as the charts take it. */
  get drawn() {
    const { visual, face, groups } = this;
    const unit = this.dashboard.definition.unit;
    const named = face.value.format === "measure" && unit && !this.formats.symbol;
    return {
      ...visual,
      ...face,
      tips: this.rows.length ? this.facts(this.rows[0]).map(([title]) => title) : [],
      description: this.description,
      message: this.message,
      ...this.colored(),
      categoryTitle: groups[visual.category[0]]?.title ?? null,
      categoryNames: Object.fromEntries(groups[visual.category[0]]?.names ?? []),
      axisTitle: named ? `${face.value.title} (${unit})` : null,
    };
  }

  /**
   * The names of what has a color each, and its place in the palette: that among all the values
   * that there are, so that a selection changes nobody's color.
   */
  colored() {
    const { visual } = this;
    const place = visual.kind === "pie" ? visual.category[0] : visual.series;
    if (place === null) return { seriesNames: [], colors: [] };
    const { label } = this.groups[place];
    const present = new Set(this.rows.map(({ key }) => key[place]));
    const found = [...this.dashboard.allValues(visual, this.selection)[place].entries()]
      .filter(([, value]) => present.has(value));
    return {
      seriesNames: found.map(([, value]) => valueOf(label(value))),
      colors: found.map(([color]) => color),
    };
  }

  /** The rows as the charts take them. */
  chartRows() {
    const { visual, face, formats } = this;
    const [low, high] = visual.limits ?? [];
    return this.rows.map((row, order) => {
      const { key, state, figures } = row;
      const of = (column) => figures[column] ?? null;
      // A slice of nobody keeps its place in the order of the colors.
      const none = this.drawing === "pie" && state === STATES.nobody ? 0 : null;
      const value = state === STATES.shown ? of(face.value.column) : none;
      const facts = this.facts(row);
      const drawn = {
        state, order, value,
        category: this.categoryOf(key),
        series: this.seriesOf(key),
        position: Number(key[visual.category[0]]),
        low: of(low), high: of(high),
        text: this.valueText(figures),
        absent: STATE_TEXT[state] ?? "",
        spoken: this.spoken(row, facts),
      };
      drawn.anchor = Math.max(value ?? 0, drawn.high ?? 0);
      drawn.legend = `${drawn.category}  ${drawn.absent || drawn.text}`;
      drawn.inside = figures.share >= 0.06 ? formats.share(figures.share) : "";
      facts.forEach(([, text], i) => { drawn[`tip${i}`] = text; });
      return forVega(drawn);
    });
  }

  valueText(figures) {
    const { column, format } = this.face.value;
    if ((figures[column] ?? null) === null) return NOTHING;
    const text = this.formats[format](figures[column]);
    // People are told with their share, and a share with its people.
    const other = this.fields.find((field) => OF_COUNTS.includes(format) && OF_COUNTS.includes(field.format) && field.column !== column);
    const more = other ? (figures[other.column] ?? null) : null;
    return more === null ? text : `${text} (${this.formats[other.format](more)})`;
  }

  spoken({ state, counted }, facts) {
    const groups = facts.slice(0, this.groups.length).map(([, text]) => text).join(", ");
    if (state !== STATES.shown && !counted) return `${groups}: ${STATE_TEXT[state]}`;
    const figures = facts.slice(this.groups.length).map(([title, text]) => `${title} ${text}`);
    return `${groups}: ${figures.join(", ")}`;
  }

  differenceRows() {
    const { difference } = this.visual;
    return this.differences.map((row) => {
      const groups = difference.within.map((column) => this.dashboard.groups.get(column));
      const names = groups.map((group, i) => group.label(row.key[i]));
      const category = names.join(", ") || "Everybody";
      const brief = STATE_TEXT[row.state] ?? this.differenceText(row);
      const text = (row.p ?? null) === null ? brief : `${brief}, ${formatP(row.p)}`;
      return { ...row, category, brief, text, spoken: `${category}: ${text}` };
    });
  }

  differenceText({ difference, low, high }) {
    const { formats } = this;
    const ends = [low, high].map((end) => (end === null ? NOTHING : formats.difference(end)));
    return `${formats.difference(difference)} (${ends.join(" to ")})`;
  }

  /** What a reader must know in addition to the figures. */
  notes() {
    const { visual, withheld, message } = this;
    const notes = [];
    if (!this.rows.length) notes.push("Withheld as a whole: nothing less would protect small groups.");
    else if (withheld.length) {
      const names = withheld.map(({ key }) => key.map((_, place) => this.label(place, key)).join(", "));
      const some = names.length > 12 ? `${names.length} of ${this.rows.length} groups` : listed(names);
      notes.push(`Withheld, to protect small groups: ${some}.`);
    }
    if (visual.kind === "pie" && this.drawing === "bars" && withheld.length) {
      notes.push("Drawn as bars, because a part of the pie is withheld.");
    }
    if (this.narrowed) {
      const banded = visual.groups.filter((column, i) => column !== visual.filtered_groups[i]);
      if (banded.length) notes.push("Shown in bands while a filter is set.");
      const lost = visual.fields.filter((field) => field.format !== "share" && !this.fields.includes(field));
      if (lost.length && !message) {
        const titles = listed(lost.map(({ title }, i) => (i ? inSentence(title) : title)));
        notes.push(`${titles} ${lost.length > 1 ? "are" : "is"} published for all ${this.dashboard.definition.units} only.`);
      }
    }
    return notes.join(" ");
  }

  /** The CSV of what is shown: the published bytes, or the rows worked out of the cube. */
  csv() {
    if (!this.narrowed) return toCsv(this.dashboard.tables.get(this.visual.output));
    const own = new Set(this.visual.filtered_groups);
    const fixed = [...this.selection].filter(([column]) => !own.has(column));
    const header = [...fixed.map(([column]) => column), ...own, ...this.fields.map(({ column }) => column)];
    const lines = this.rows.map(({ key, figures }) => [
      ...fixed.map(([, value]) => value),
      ...key,
      ...this.fields.map(({ column }) => plain(figures[column] ?? null)),
    ]);
    return toCsv({ columns: header, lines });
  }

  differencesCsv() {
    const { within } = this.visual.difference;
    const fixed = [...this.selection].filter(([column]) => !within.includes(column));
    const columns = [DIFFERENCE.difference, DIFFERENCE.low, DIFFERENCE.high];
    const header = [...fixed.map(([column]) => column), ...within, ...columns];
    const lines = this.differences.map(({ key, difference, low, high }) => [
      ...fixed.map(([, value]) => value), ...key, ...[difference, low, high].map((x) => plain(x ?? null)),
    ]);
    return toCsv({ columns: header, lines });
  }

  fileName() {
    const chosen = [...this.selection].filter(([, value]) => value !== ALL);
    return [this.visual.id, ...chosen.map(([column, value]) => `${column}-${value}`)]
      .join("_")
      .replace(/[^A-Za-z0-9_-]+/g, "-");
  }
}

/** A figure as the published files have it: at most six decimals, none that says nothing. */
function plain(value) {
  return value === null ? "" : String(Number(value.toFixed(6)));
}
