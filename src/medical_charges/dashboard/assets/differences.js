// All comparisons of two groups under a selection, as one chart, one table and one file.

/** Columns of the file of filtered differences after those of the filters, as in what is published. */
const COMPARED = [
  "comparison", "stratum", "group_a", "group_b", "n_a", "n_b", "difference", "ci95_low", "ci95_high",
  "t", "df", "p", "hedges_g",
];

/** How long the name of a comparison may be that stands next to its interval, in characters. */
const ALONE = 30;

/** The comparisons under a selection, ready to be drawn, read and saved. */
class Comparisons {
  constructor(dashboard, visual, selection, formats) {
    Object.assign(this, { dashboard, visual, selection, formats });
    this.narrowed = dashboard.isNarrowed(selection);
    this.face = { title: visual.title };
    this.subtitle = visual.subtitle;
    this.drawing = "forest";
    this.found = dashboard.differences(selection);
    this.strata = this.found.flatMap(({ rows }) => rows);
  }

  get message() {
    if (this.strata.some(({ state }) => state === STATES.shown)) return "";
    const hidden = this.strata.some(({ state }) => state === STATES.withheld);
    if (hidden || !(this.strata.length || this.narrowed)) return WITHHELD_TEXT(this.dashboard);
    if (this.strata.some(({ state }) => state === STATES.unlike)) return "Not comparable: a group has nobody in a layer";
    return this.strata.length ? "Nobody to compare" : "There is no difference within one group";
  }

  get tabular() {
    return this.strata.length > 0;
  }

  /** Those of everybody first, among them the sharpest; those without a figure last. */
  sorted() {
    const sharpest = ({ rows }) => Math.max(-1, ...rows.map(({ g }) => (g === null || g === undefined ? -1 : Math.abs(g))));
    const among = ({ item }) => item.within.length;
    return [...this.found].sort((a, b) => among(a) - among(b) || sharpest(b) - sharpest(a));
  }

  /** How many strata a comparison has, if they are too many to be drawn at once. */
  get foldable() {
    return foldable(Math.max(0, ...this.found.map(({ rows }) => rows.length)));
  }

  labelOf({ within }, { key }) {
    const names = within.map((column, i) => this.dashboard.groups.get(column).label(key[i]));
    return names.join(", ") || this.dashboard.everybody;
  }

  /** What stands below the heading of a comparison: the stratum, or how everybody is compared. */
  lineOf(item, row) {
    const how = item.within.length ? "" : item.standardized;
    return how ? how[0].toUpperCase() + how.slice(1) : this.labelOf(item, row);
  }

  /** A line for each stratum below that of its comparison; the only one is in the same line if its name is short. */
  chartRows(unfolded = false) {
    const lines = [];
    for (const { item, rows } of this.sorted()) {
      if (!rows.length) continue;
      const alone = !item.within.length && item.title.length <= ALONE;
      const heading = item.within.length ? item.title : item.names.join(" less ");
      if (!alone) lines.push({ kind: "heading", label: heading, state: "", text: "", brief: "" });
      const drawn = unfolded || !foldable(rows.length) ? rows : byValue(rows, ({ difference }) => difference).slice(0, FOLDED);
      for (const row of drawn) {
        const label = alone ? item.title : this.lineOf(item, row);
        const brief = STATE_TEXT[row.state] ?? this.differenceText(row);
        const text = (row.p ?? null) === null ? brief : `${brief}, ${formatP(row.p)}`;
        const spoken = alone ? `${label}: ${text}` : `${heading}, ${label}: ${text}`;
        const { state, difference, low, high } = row;
        lines.push({ kind: alone ? "alone" : "row", label, state, difference, low, high, brief, text, spoken });
      }
    }
    return lines.map((line, order) => ({ ...line, order, category: String(order) }));
  }

  get drawn() {
    const { measure_title: title, unit } = this.dashboard.definition;
    return {
      ...this.visual,
      value: { column: "difference", format: "measure" },
      description: this.message || `${this.face.title}. ${this.subtitle}.`,
      message: this.message,
      tips: [], seriesNames: [], colors: [],
      axisTitle: `Difference of mean ${inSentence(title)}${unit && !this.formats.symbol ? ` (${unit})` : ""}`,
    };
  }

  differenceText({ difference, low, high }) {
    const { formats } = this;
    const ends = [low, high].map((end) => ((end ?? null) === null ? NOTHING : formats.difference(end)));
    return `${formats.difference(difference)} (${ends.join(" to ")})`;
  }

  notes(unfolded = false) {
    const { units } = this.dashboard.definition;
    const folded = this.foldable && !unfolded && !this.message ? `Of comparisons with many groups the ${FOLDED} greatest differences are drawn; the table has all. ` : "";
    const lost = this.found.filter(({ published }) => published).map(({ item }) => inSentence(item.title));
    return folded + (lost.length ? `Published for all ${units} only: ${listedInPart(lost)}.` : "");
  }

  /** Caption, heads and cells of the table; the first `texts` columns are no figures. */
  table() {
    const { formats } = this;
    const { units } = this.dashboard.definition;
    const text = (value, format) => ((value ?? null) === null ? NOTHING : format(value));
    const rows = this.sorted().flatMap(({ item, rows: strata }) => strata.map((row) => [
      item.title, this.labelOf(item, row),
      ...(row.state === STATES.shown
        ? [
            text(row.n_a, formats.count), text(row.n_b, formats.count), text(row.difference, formats.difference),
            text(row.low, formats.difference), text(row.high, formats.difference),
            text(row.p, formatP), text(row.g, (g) => formats.number(g)),
          ]
        : [STATE_TEXT[row.state], ...Array(6).fill(NOTHING)]),
    ]));
    const counted = `${units[0].toUpperCase()}${units.slice(1)} in the`;
    const heads = [
      "Comparison", "Among", `${counted} first`, `${counted} second`, "Difference of means",
      "95% interval from", "95% interval to", "p", "Hedges' g",
    ];
    return { caption: this.face.title, heads, rows, texts: 2 };
  }

  /** The CSV of what is shown: the published bytes, or what is worked out of the cubes. */
  csv() {
    if (!this.narrowed) return toCsv(this.dashboard.tables.get(this.visual.id));
    const chosen = [...this.selection];
    const lines = this.found.flatMap(({ item, rows }) => rows.map((row) => [
      ...chosen.map(([, value]) => value),
      item.comparison,
      item.within.map((column, i) => `${column}=${row.key[i]}`).join("; ") || ALL,
      ...item.groups,
      ...[row.n_a, row.n_b, row.difference, row.low, row.high, row.t, row.df].map((x) => plain(x ?? null)),
      (row.p ?? null) === null ? "" : String(Number(row.p.toPrecision(6))),
      plain(row.g ?? null),
    ]));
    return toCsv({ columns: [...chosen.map(([column]) => column), ...COMPARED], lines });
  }

  fileName() {
    return fileNameOf(this.visual.id, this.selection);
  }
}
