// What a visual's rows come to for a chart, a table and a file: texts, positions and notes.

const NOTHING = "\u2013";
/** What stands in the place of a drawing of which everything is withheld. */
const WITHHELD_TEXT = ({ definition }) =>
  `Withheld, to protect groups of fewer than ${definition.minimum_cell} ${definition.units}`;
const STATE_TEXT = { withheld: "withheld", nobody: "nobody", unlike: "not comparable" };
const DRAWING_TEXT = {
  bars: "Bar chart", grouped: "Grouped bar chart", pie: "Pie chart",
  line: "Line chart", steps: "Line chart",
};

/** So many groups are drawn of many, unless one asks for all. */
const FOLDED = 15;
/** So many parts a pie has at most, and so many colors there are. */
const PARTS = 7;
/** So many of the colors are shared out among columns: the last is pale on white. */
const SHARED = PARTS - 1;

/** How many groups there are, if they are too many to be drawn at once. */
const foldable = (number) => (number > FOLDED + 3 ? number : 0);

/** Rows from the greatest to the least, those without a value last. */
function byValue(rows, valueOf_) {
  const of = (row) => valueOf_(row) ?? -Infinity;
  return [...rows].sort((a, b) => (of(a) === of(b) ? 0 : of(b) - of(a)));
}

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
    this.references = dashboard.references(visual, selection);
    const held = dashboard.columns(visual, selection);
    this.fields = visual.fields.filter(({ column }) => held.includes(column));
    [this.category, this.series] = this.places();
    this.withheld = this.rows.filter(({ state }) => state === STATES.withheld);
    this.drawing = this.chooseDrawing();
  }

  /** Places of what stands on the axis and of what has colors: nothing has more of these than there are. */
  places() {
    const { category, series } = this.visual;
    if (series === null || this.visual.kind === "line") return [category, series];
    const many = new Set(this.rows.map(({ key }) => key[series])).size > PARTS;
    return many ? [this.groups.map((_, place) => place), null] : [category, series];
  }

  /** How many groups the axis has, if they are too many to be drawn at once. */
  get foldable() {
    if (!["bars", "grouped"].includes(this.drawing)) return 0;
    return foldable(new Set(this.rows.map(({ key }) => this.categoryOf(key))).size);
  }

  /** Whether the order of the groups says nothing, and that of their values does. */
  get bySize() {
    const plain = this.category.every((place) => !this.groups[place].values && this.groups[place].format === "text");
    return plain && this.foldable > 0;
  }

  /** The rows in the order in which they are drawn, and those that are. */
  drawnRows(unfolded) {
    if (!this.foldable) return this.rows;
    const categories = new Map();
    for (const row of this.rows) {
      const name = this.categoryOf(row.key);
      categories.set(name, [...(categories.get(name) ?? []), row]);
    }
    const { column } = this.face.value;
    const greatest = (rows) => {
      const values = rows.filter(({ state }) => state === STATES.shown).map(({ figures }) => figures[column] ?? -Infinity);
      return values.length ? Math.max(...values) : null;
    };
    const groups = this.bySize ? byValue([...categories.values()], greatest) : [...categories.values()];
    return (unfolded ? groups : groups.slice(0, FOLDED)).flat();
  }

  chooseDrawing() {
    const { visual } = this;
    if (this.message) return "message";
    if (visual.kind === "pie") return this.withheld.length || this.rows.length > PARTS ? "bars" : "pie";
    if (visual.kind === "line") {
      const { format, names } = this.groups[visual.category[0]];
      // Numbers with names are codes; one alone is the last, from which on all are one group.
      return format === "integer" && names.size < 2 ? "line" : "steps";
    }
    return this.series === null ? "bars" : "grouped";
  }

  has(columns) {
    return columns !== null && columns.every((name) => this.fields.some(({ column }) => column === name));
  }

  /** The column of the medians that are drawn next to the means, or null: filter cubes have none. */
  get median() {
    const column = this.visual.median?.column ?? null;
    return this.has(column && [column]) ? column : null;
  }

  get subtitle() {
    const { units } = this.dashboard.definition;
    if (this.median && !this.message) return this.visual.median.subtitle;
    if (!this.references || this.message) return this.face.subtitle;
    const { mean } = this.references;
    const gray = mean === null ? `all ${units} of the same group` : `all ${units}, ${this.formats.withUnit(mean)}`;
    return [this.face.subtitle, `gray mark: ${gray}`].filter(Boolean).join("; ");
  }

  /** What stands in the place of a drawing in which there would be nothing, or "". */
  get message() {
    const withheld = WITHHELD_TEXT(this.dashboard);
    if (!this.rows.length) return withheld;
    if (!this.has([this.face.value.column])) return `Published for all ${this.dashboard.definition.units} only`;
    if (this.rows.some(({ state }) => state === STATES.shown)) return "";
    return this.withheld.length ? withheld : "Nobody";
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
    return this.category.map((place) => this.label(place, key)).join(", ") || this.dashboard.everybody;
  }

  seriesOf(key) {
    return this.series === null ? "" : this.label(this.series, key);
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
      median: this.median !== null,
      categoryTitle: groups[visual.category[0]]?.title ?? null,
      categoryNames: Object.fromEntries(groups[visual.category[0]]?.names ?? []),
      axisTitle: named ? `${face.value.title} (${unit})` : null,
    };
  }

  /**
   * The names of what has a color each, and its place in the palette: that among all the values
   * of its column, so that a selection changes nobody's color, and no color stands for two columns.
   */
  colored() {
    const { visual } = this;
    const place = visual.kind === "pie" ? visual.category[0] : this.series;
    if (place === null) return { seriesNames: [], colors: [] };
    const { label } = this.groups[place];
    const first = this.dashboard.firstColors.get(visual.groups[place]) ?? 0;
    const present = new Set(this.rows.map(({ key }) => key[place]));
    const found = [...this.dashboard.allValues(visual, this.selection)[place].entries()]
      .filter(([, value]) => present.has(value));
    return {
      seriesNames: found.map(([, value]) => valueOf(label(value))),
      colors: found.map(([color]) => first + color),
    };
  }

  /** The rows as the charts take them. */
  chartRows(unfolded = false) {
    const { visual, face, formats } = this;
    const [low, high] = visual.limits ?? [];
    return this.drawnRows(unfolded).map((row, order) => {
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
        low: of(low), high: of(high), median: of(this.median),
        reference: this.references?.of(key) ?? null,
        pick: this.pickOf(key),
        text: this.valueText(figures),
        absent: STATE_TEXT[state] ?? "",
        spoken: this.spoken(row, facts),
      };
      const marks = [value, drawn.low, drawn.high, drawn.median].map((mark) => mark ?? 0);
      drawn.anchor = value < 0 ? Math.min(...marks) : Math.max(...marks);
      drawn.legend = `${drawn.category}  ${drawn.absent || drawn.text}`;
      drawn.inside = figures.share >= 0.06 ? formats.share(figures.share) : "";
      facts.forEach(([, text], i) => { drawn[`tip${i}`] = text; });
      return forVega(drawn);
    });
  }

  /** The filter that a mark sets: that of its group, if it is one and is not set already. */
  pickOf(key) {
    const [place, ...more] = this.category;
    const column = this.groups[place]?.column;
    if (more.length || !this.selection.has(column)) return null;
    return { column, value: this.selection.get(column) === ALL ? key[place] : ALL };
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

  /** Some of the rows in a sentence, a group within a group in brackets; or how many, if many. */
  named(rows) {
    if (rows.length > 12) return `${rows.length} of ${this.rows.length} groups`;
    return listedInPart(rows.map(({ key }) => {
      const [first, ...within] = key.map((_, place) => this.label(place, key));
      return within.length ? `${first} (${within.join(", ")})` : first;
    }));
  }

  /** What a reader must know in addition to the figures. */
  notes(unfolded = false) {
    const { visual, withheld, message } = this;
    const notes = [];
    if (!this.rows.length) notes.push("Withheld as a whole: nothing less would protect small groups.");
    else if (withheld.length && !message) {
      notes.push(`Withheld, to protect small groups: ${this.named(withheld)}.`);
    }
    if (this.median) {
      const without = this.rows.filter(({ state, counted, figures }) => state === STATES.shown && !counted && (figures[this.median] ?? null) === null);
      const { minimum_cell: least, units } = this.dashboard.definition;
      if (without.length) notes.push(`No median, as fewer than ${least} ${units} are on one side of it: ${this.named(without)}.`);
    }
    if (visual.kind === "pie" && this.drawing === "bars") {
      notes.push(`Drawn as bars, because ${withheld.length ? "a part of the pie is withheld" : "a pie has too many parts"}.`);
    }
    if (this.foldable && !unfolded) {
      notes.push(`Drawn are the ${this.bySize ? "greatest" : "first"} ${FOLDED} of ${this.foldable} groups; the table has all.`);
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

  fileName() {
    return fileNameOf(this.visual.id, this.selection);
  }

  /** Caption, heads and cells of the table; the first `texts` columns are no figures. */
  table() {
    const { groups, fields } = this;
    const rows = this.rows.map((row) => [
      ...row.key.map((_, place) => this.label(place, row.key)),
      ...(row.state === STATES.shown || row.counted
        ? fields.map((field) => this.fieldText(row, field))
        : [STATE_TEXT[row.state], ...fields.slice(1).map(() => NOTHING)]),
    ]);
    const heads = [...groups.map(({ title }) => title), ...fields.map(({ title }) => title)];
    return { caption: this.face.title, heads, rows, texts: groups.length };
  }
}

/** A file's name: what it is of, and of whom. */
function fileNameOf(id, selection) {
  const chosen = [...selection].filter(([, value]) => value !== ALL);
  return [id, ...chosen.map(([column, value]) => `${column}-${value}`)].join("_").replace(/[^A-Za-z0-9_-]+/g, "-");
}

/** A figure as the published files have it: at most six decimals, none that says nothing. */
function plain(value) {
  return value === null ? "" : String(Number(value.toFixed(6)));
}
