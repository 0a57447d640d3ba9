// The published tables, and the rows of a visual under a selection.
//
// A selection is a Map from each filter's column to a value, or to ALL. Every row that is shown
// is one row of a published table: what was withheld there is withheld here.

const ALL = "all";
const SEPARATOR = "\u001f";
/** The comparisons' columns of what is shown of them. */
const DIFFERENCE = {
  n_a: "n_a", n_b: "n_b", difference: "difference", low: "ci95_low", high: "ci95_high", t: "t", df: "df",
  p: "p", g: "hedges_g",
};
/** Formats of figures that tell nothing of the measure. */
const OF_COUNTS = ["count", "share"];
const STATES = { shown: "shown", withheld: "withheld", nobody: "nobody", unlike: "unlike" };

/** A table as the page holds it, column by column, as lines. */
function readTable({ columns, values }) {
  const lines = values[0].map((_, i) => values.map((column) => column[i]));
  return { columns, lines };
}

/** A table as the CSV that was published. */
function toCsv({ columns, lines }) {
  return [columns, ...lines].map((line) => `${line.join(",")}\n`).join("");
}

/** The values of a stratum, `column=value` of each column joined by `; `: a value may have that too. */
function strataKey(stratum, within) {
  let rest = stratum;
  return within.map((column, i) => {
    rest = rest.slice(column.length + 1);
    const next = i + 1 < within.length ? rest.indexOf(`; ${within[i + 1]}=`) : rest.length;
    const value = rest.slice(0, next);
    rest = rest.slice(next + 2);
    return value;
  });
}

function number(text) {
  return text === "" || text === undefined ? null : Number(text);
}

/** The values of a group in the order to show: as the contract lists them, or sorted. */
function inOrder(group, found) {
  const values = [...new Set(found)];
  if (group.values) return group.values.filter((value) => values.includes(value));
  return values.sort(group.format === "integer" ? (a, b) => a - b : undefined);
}

/** What is grouped or filtered by, with `label`: what a value is called. */
function readGroup({ labels, ...group }) {
  // Not looked up in an object: a group may be called `constructor`.
  const called = new Map(Object.entries(labels));
  return { ...group, names: called, label: (value) => called.get(value) ?? value };
}

/** A filter cube, its rows found by the values of its filters. */
class FilterCube {
  constructor({ columns, lines }, filters, figures) {
    this.columns = columns.slice(0, -figures.length);
    this.filters = filters;
    /** Whether nothing of it could be published; then a row that is missing says nothing. */
    this.withheld = lines.length === 0;
    const places = filters.map((filter) => this.columns.indexOf(filter));
    this.rows = new Map();
    this.values = new Map(filters.map((filter) => [filter, new Set()]));
    for (const line of lines) {
      const held = places.map((place) => line[place]);
      held.forEach((value, i) => this.values.get(filters[i]).add(value));
      const key = held.join(SEPARATOR);
      if (!this.rows.has(key)) this.rows.set(key, []);
      this.rows.get(key).push(line);
    }
  }

  /** The rows that have one of these values for each filter. */
  *find(choices) {
    let keys = [""];
    choices.forEach((values, i) => {
      keys = keys.flatMap((key) => values.map((value) => (i ? key + SEPARATOR + value : value)));
    });
    for (const key of keys) yield* this.rows.get(key) ?? [];
  }

  /** A row's sums: null if they are withheld. */
  sums(line) {
    const [n, sum, m2] = line.slice(this.columns.length).map(number);
    return n === null ? null : { n, sum, m2 };
  }

  /** The sums of the one row at these values of the filters; zeros if it holds nobody. */
  at(selection) {
    if (this.withheld) return null;
    const [line] = this.find(this.filters.map((filter) => [selection.get(filter)]));
    return line ? this.sums(line) : { n: 0, sum: 0, m2: 0 };
  }

  /** The values of a filter, without the margin. */
  valuesOf(filter) {
    return [...this.values.get(filter)].filter((value) => value !== ALL);
  }
}

/** Everything published, with the definition of how it is shown. */
class Dashboard {
  constructor({ definition, tables, run }) {
    // A row is a person unless the contract says otherwise.
    Object.assign(this, { definition: { units: "people", ...definition }, run });
    this.groups = new Map(
      Object.entries(definition.groups).map(([column, group]) => [column, readGroup(group)]),
    );
    this.tables = new Map(Object.entries(tables).map(([name, table]) => [name, readTable(table)]));
    this.cubes = new Map();
    this.known = new WeakMap();
    const wanted = [...definition.visuals, ...definition.tiles].map(({ cube }) => cube);
    for (const name of new Set(wanted)) {
      if (name) {
        const cube = new FilterCube(this.tables.get(name), definition.filters, definition.figures);
        this.cubes.set(name, cube);
      }
    }
    this.totals = this.cubes.get(wanted.find((name) => name && this.isOfFilters(name)));
    this.filters = definition.filters.map((column) => ({
      ...this.groups.get(column),
      values: inOrder(this.groups.get(column), this.totals.valuesOf(column)),
    }));
    this.published = new Map(
      definition.visuals.map((visual) => [visual.id, this.readOutput(visual)]),
    );
    this.firstColors = this.chooseColors();
  }

  /**
   * The first color of each column whose values have colors: no two columns share one while there
   * are enough. The color of bars without groups is left to these, unless a column needs all.
   */
  chooseColors() {
    const first = new Map();
    let next = 1;
    for (const { id, kind, category, series, groups } of this.definition.visuals) {
      const place = kind === "pie" ? category[0] : series;
      if (place === null || first.has(groups[place])) continue;
      const size = new Set(this.published.get(id).map(({ key }) => key[place])).size;
      if (next + size > SHARED) next = 1 + size > SHARED ? 0 : 1;
      first.set(groups[place], next);
      next += size;
    }
    return first;
  }

  /** All rows as a group of their own. */
  get everybody() {
    const { units } = this.definition;
    return units === "people" ? "Everybody" : `All ${units}`;
  }

  isOfFilters(name) {
    return this.cubes.get(name).columns.length === this.definition.filters.length;
  }

  everything() {
    this.all ??= new Map(this.filters.map(({ column }) => [column, ALL]));
    return this.all;
  }

  /** What was worked out of a selection before: charts, marks and sentences are of the same rows. */
  once(selection, name, work) {
    if (!this.known.has(selection)) this.known.set(selection, new Map());
    const found = this.known.get(selection);
    if (!found.has(name)) found.set(name, work());
    return found.get(name);
  }

  isNarrowed(selection) {
    return [...selection.values()].some((value) => value !== ALL);
  }

  /** The rows of a visual: `{key, state, figures}`, in the order to show. */
  rows(visual, selection) {
    if (!this.isNarrowed(selection)) return this.published.get(visual.id);
    return this.filteredRowsOf(visual, selection);
  }

  filteredRowsOf(visual, selection) {
    return this.once(selection, `rows of ${visual.id}`, () => this.filteredRows(visual, selection));
  }

  /** Rows in the order in which the contract lists their values; others stay where they are. */
  sorted(columns, rows) {
    const orders = columns.map((column) => this.groups.get(column).values);
    return rows.sort(({ key: a }, { key: b }) => {
      const place = orders.findIndex((values, i) => a[i] !== b[i]);
      if (place < 0 || !orders[place]) return 0;
      return orders[place].indexOf(a[place]) - orders[place].indexOf(b[place]);
    });
  }

  readOutput(visual) {
    const { columns, lines } = this.tables.get(visual.output);
    const groups = visual.groups.length;
    const rows = lines.map((line) => {
      const figures = {};
      columns.slice(groups).forEach((column, i) => {
        figures[column] = number(line[groups + i]);
      });
      return { key: line.slice(0, groups), ...this.shownOf(visual, visual.face, figures) };
    });
    return this.sorted(visual.groups, rows);
  }

  /** What is drawn of a visual, and how that is said. */
  face(visual, selection) {
    const shared = !this.isNarrowed(selection) || this.hasShare(visual, selection);
    return shared ? visual.face : (visual.unshared ?? visual.face);
  }

  /** The columns that can hold figures, whether or not these are withheld. */
  columns(visual, selection) {
    if (!this.isNarrowed(selection)) return this.tables.get(visual.output).columns;
    const held = Object.keys(this.described({ n: 0, sum: 0, m2: 0 }));
    return this.hasShare(visual, selection) ? [...held, "share"] : held;
  }

  filteredRows(visual, selection) {
    const cube = this.cubes.get(visual.cube);
    if (cube.withheld) return [];
    const face = this.face(visual, selection);
    const grouped = new Set(visual.filtered_groups);
    const choices = this.filters.map(({ column, values }) => {
      const chosen = selection.get(column);
      return chosen === ALL && grouped.has(column) ? values : [chosen];
    });
    const places = visual.filtered_groups.map((column) => cube.columns.indexOf(column));
    const found = new Map();
    for (const line of cube.find(choices)) {
      const key = places.map((place) => line[place]);
      found.set(key.join(SEPARATOR), { key, sums: cube.sums(line) });
    }
    return this.expectedKeys(visual, selection).map((key) => {
      const row = found.get(key.join(SEPARATOR));
      if (!row) return { key, state: STATES.nobody, figures: { patients: 0 } };
      if (!row.sums) return { key, state: STATES.withheld, figures: {} };
      const { figures, sums } = this.figures(visual, selection, key, row.sums);
      return { key, sums, ...this.shownOf(visual, face, figures) };
    });
  }

  /**
   * How a row with these figures is shown: `{state, counted, figures}`. A row may be counted, which
   * is to show people alone; a chart of anything else withholds its mark, a table keeps the count.
   */
  shownOf(visual, { value }, figures) {
    const there = ({ column }) => (figures[column] ?? null) !== null;
    const [counts, measured] = [true, false].map((which) =>
      visual.fields.filter(({ format }) => OF_COUNTS.includes(format) === which));
    // Of one person there is no deviation.
    const counted = counts.some(there) && !measured.some(there) && figures.patients !== 1;
    const shown = counted ? there(value) : visual.fields.some(there);
    return { state: shown ? STATES.shown : STATES.withheld, counted, figures };
  }

  /** The values of each grouping column in the order to show, for every selection. */
  allValues(visual, selection) {
    if (this.isNarrowed(selection)) return this.selectedValues(visual, this.everything());
    const rows = this.published.get(visual.id);
    return visual.groups.map((column, place) =>
      inOrder(this.groups.get(column), rows.map(({ key }) => key[place])),
    );
  }

  /** The groups to show: every one that exists at all, as far as the selection admits it. */
  expectedKeys(visual, selection) {
    return this.selectedValues(visual, selection).reduce(
      (keys, next) => keys.flatMap((key) => next.map((value) => [...key, value])),
      [[]],
    );
  }

  selectedValues(visual, selection) {
    const cube = this.cubes.get(visual.cube);
    return visual.filtered_groups.map((column) => {
      const filter = this.filters.find((candidate) => candidate.column === column);
      if (filter) {
        const chosen = selection.get(column);
        return chosen === ALL ? filter.values : [chosen];
      }
      const place = cube.columns.indexOf(column);
      const everybody = this.filters.map(() => [ALL]);
      const found = [...cube.find(everybody)].map((line) => line[place]);
      return inOrder(this.groups.get(column), found);
    });
  }

  figures(visual, selection, key, sums) {
    const figures = this.described(sums);
    if (this.hasShare(visual, selection)) {
      const whole = this.whole(visual, selection, key);
      figures.share = whole && sums.n / whole.n;
    }
    return { figures, sums };
  }

  /** What follows from a cube's sums, by the names that columns of it have in any output. */
  described(sums) {
    const { measure } = this.definition;
    return Object.fromEntries(Object.entries(describe(sums)).flatMap(
      ([quantity, figure]) => [[quantity, figure], [`${quantity}_${measure}`, figure]],
    ));
  }

  /** Whether a share is known and informative. */
  hasShare(visual, selection) {
    const { filtered_groups: groups } = visual;
    // A share within the very group that is selected would always be the whole.
    if ((selection.get(groups.at(-1)) ?? ALL) !== ALL) return false;
    return groups.slice(0, -1).every((column) => selection.has(column));
  }

  /** What a share is a share of: all who are selected, within all groups but the last. */
  whole(visual, selection, key) {
    const within = new Map(selection);
    visual.filtered_groups.slice(0, -1).forEach((column, place) => within.set(column, key[place]));
    return this.totals.at(within);
  }

  /**
   * All comparisons: `{item, rows}`, of each stratum `{key, state, difference, low, high, p, means}`;
   * with `published`, they are known without a selection only.
   */
  differences(selection) {
    return this.once(selection, "differences", () => (this.definition.compared?.differences ?? []).map((item) => {
      if (!this.isNarrowed(selection)) return { item, rows: this.publishedDifferences(item) };
      if (!item.cube) return { item, rows: [], published: true };
      return { item, rows: this.filteredDifferences(item, selection) };
    }));
  }

  publishedDifferences(item) {
    const { comparison, within } = item;
    const { columns, lines } = this.tables.get(this.definition.compared.id);
    const means = new Map(
      (item.cube ? this.filteredDifferences(item, this.everything()) : []).map((row) => [row.key.join(SEPARATOR), row.means]),
    );
    const rows = lines
      .map((line) => Object.fromEntries(columns.map((column, i) => [column, line[i]])))
      .filter((row) => row.comparison === comparison)
      .map((row) => {
        const key = strataKey(row.stratum.slice(0, row.stratum.length - item.suffix.length), within);
        const found = Object.entries(DIFFERENCE).map(([name, column]) => [name, number(row[column])]);
        const shown = { key, state: STATES.shown, means: means.get(key.join(SEPARATOR)), ...Object.fromEntries(found) };
        if (shown.difference !== null) return shown;
        // Counts alone have no difference, and neither has a group of nobody. A standardized one
        // shows counts alone where a layer lacks a group.
        if ([row.n_a, row.n_b].includes("0")) return { key, state: STATES.nobody };
        return { key, state: item.standardized && row.n_a !== "" ? STATES.unlike : STATES.withheld };
      });
    return this.sorted(within, rows);
  }

  filteredDifferences({ column, groups, within, cube }, selection) {
    // Of one group alone there is no difference.
    if (selection.has(column) && selection.get(column) !== ALL) return [];
    const everyone = { filtered_groups: [...within, column], cube, fields: [], face: { value: {} }, unshared: null };
    const strata = new Map();
    for (const row of this.filteredRows(everyone, selection)) {
      const key = row.key.slice(0, -1);
      const id = key.join(SEPARATOR);
      if (!strata.has(id)) strata.set(id, { key, rows: new Map() });
      strata.get(id).rows.set(row.key.at(-1), row);
    }
    return [...strata.values()].map(({ key, rows }) => {
      const pair = groups.map((group) => rows.get(group));
      if (pair.some((row) => !row || row.state === STATES.nobody)) return { key, state: STATES.nobody };
      const sums = pair.map((row) => row.sums);
      if (sums.some((it) => !it || it.sum === null)) return { key, state: STATES.withheld };
      const found = compare(...sums);
      const [n_a, n_b] = sums.map(({ n }) => n);
      return { key, state: STATES.shown, n_a, n_b, means: sums.map(({ n, sum }) => sum / n), ...found };
    });
  }

  /**
   * A mark of all people for each row, while a selection is shown: their value in the same group, or
   * where that is what is selected, their mean. A Map by the rows' keys, and what it says.
   */
  references(visual, selection) {
    const { value } = this.face(visual, selection);
    if (!this.isNarrowed(selection) || value.format === "count") return null;
    const own = [...selection].every(([column, chosen]) => chosen === ALL || visual.filtered_groups.includes(column));
    const everything = this.everything();
    if (own) {
      const sums = this.totals.at(everything);
      const mean = value.column === `mean_${this.definition.measure}` && sums?.n && sums.sum !== null ? sums.sum / sums.n : null;
      return mean === null ? null : { of: () => mean, mean };
    }
    if (!(value.format === "measure" || this.hasShare(visual, selection))) return null;
    const found = new Map(this.filteredRowsOf(visual, everything)
      .filter(({ state }) => state === STATES.shown)
      .map(({ key, figures }) => [key.join(SEPARATOR), figures[value.column] ?? null]));
    return { of: (key) => found.get(key.join(SEPARATOR)) ?? null, mean: null };
  }

  /** A tile's figure: a number, null if it is withheld, undefined if there is nobody. */
  tile(tile, selection) {
    const sums = this.totals.at(selection);
    if (tile.kind === "people") return sums && sums.n;
    if (sums && !sums.n) return undefined;
    if (tile.kind === "mean") return sums && (sums.sum === null ? null : sums.sum / sums.n);
    const [column, value] = tile.where;
    const chosen = selection.get(column);
    if (chosen !== ALL && chosen !== value) return sums && 0;
    const part = this.totals.at(new Map(selection).set(column, value));
    return sums && part && part.n / sums.n;
  }
}
