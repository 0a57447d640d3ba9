// What follows from the figures, in sentences: nothing is said that does not follow.

const LEVEL = 0.05;

/** The sentences of a selection. */
function sentencesOf(dashboard, selection, formats) {
  const found = [
    groupSentence(dashboard, selection, formats),
    differenceSentence(dashboard, selection, formats),
    withheldSentence(dashboard, selection),
  ];
  return found.filter(Boolean);
}

/**
 * The greatest and the least mean of the first chart of groups in which these differ, whichever
 * pair of groups one looks at.
 */
function groupSentence(dashboard, selection, formats) {
  const { definition } = dashboard;
  const charts = definition.visuals.filter(({ kind, groups, face }) =>
    kind === "bars" && groups.length === 1 && face.value.format === "measure");
  for (const visual of charts) {
    const column = visual.face.value.column;
    const rows = dashboard.rows(visual, selection).filter(({ state }) => state !== STATES.nobody);
    const groups = rows.map((row) => ({ key: row.key[0], sums: sumsOf(row, definition.measure) }));
    // Of a group that is withheld nobody knows whether it is the greatest.
    if (column !== `mean_${definition.measure}` || groups.length < 2 || groups.some(({ sums }) => !sums)) continue;
    groups.sort((a, b) => b.sums.sum / b.sums.n - a.sums.sum / a.sums.n);
    const [most, least] = [groups[0], groups.at(-1)];
    // Of many pairs in several charts some would differ by chance.
    const looks = charts.length * (groups.length * (groups.length - 1)) / 2;
    if (!(compare(most.sums, least.sums, LEVEL / 2 / looks)?.low > 0)) continue;
    const found = compare(most.sums, least.sums, LEVEL / 2);
    const { title, label } = dashboard.groups.get(dashboard.isNarrowed(selection) ? visual.filtered_groups[0] : visual.groups[0]);
    const named = ({ key, sums }) => `${label(key)} (${formats.withUnit(sums.sum / sums.n)})`;
    return `${visual.face.value.title} by ${inSentence(title)}: greatest for ${named(most)}, least for ${named(least)}, ` +
      `a difference of ${formats.withUnit(found.difference)} (95% interval ${formats.measure(found.low)} to ${formats.measure(found.high)}).`;
  }
  return null;
}

/** A row's people, sum and squares: as a cube has them, or out of published figures. */
function sumsOf({ state, counted, figures, sums }, measure) {
  if (state !== STATES.shown || counted) return null;
  if (sums) return sums;
  const of = (name) => figures[name] ?? null;
  const [n, mean] = [of("patients"), of(`mean_${measure}`)];
  if (n === null || mean === null || n < 2) return null;
  const [low, high, error] = [of("ci95_low"), of("ci95_high"), of(`standard_error_${measure}`)];
  let deviation = of(`stddev_${measure}`);
  if (deviation === null && error !== null) deviation = error * Math.sqrt(n);
  if (deviation === null && low !== null && high !== null) {
    deviation = ((high - low) / 2 / criticalT(n - 1)) * Math.sqrt(n);
  }
  return deviation === null ? null : { n, sum: n * mean, m2: deviation ** 2 * (n - 1) };
}

/** The sharpest of the comparisons that are no chance: overall, or else within a stratum. */
function differenceSentence(dashboard, selection, formats) {
  const { compared } = dashboard.definition;
  if (!compared) return null;
  const all = dashboard.differences(selection).flatMap(({ item, rows }) => rows.map((row) => ({ item, row })));
  const tested = all.filter(({ row }) => row.state === STATES.shown && (row.p ?? null) !== null);
  const certain = tested.filter(({ row }) => row.p * tested.length < LEVEL);
  const overall = certain.filter(({ item }) => !item.within.length);
  const [sharpest] = (overall.length ? overall : certain).sort((a, b) => Math.abs(b.row.g) - Math.abs(a.row.g));
  if (!sharpest) return null;
  const { item, row } = sharpest;
  const [first, second] = item.names;
  const among = item.within.map((column, i) => dashboard.groups.get(column).label(row.key[i])).join(", ");
  const means = row.means && row.means.map((mean) => formats.withUnit(mean)).join(" and ");
  const title = inSentence(`Mean ${inSentence(dashboard.definition.measure_title)}`);
  const how = item.standardized && `, ${item.standardized}`;
  return `${first} against ${second}${among && ` (${among})`}${how}: ${title} ${means ? `${means}, ` : ""}` +
    `a difference of ${formats.gap(row.difference)} (95% interval ${formats.difference(row.low)} to ${formats.difference(row.high)}).`;
}

/** How much of the charts is withheld. */
function withheldSentence(dashboard, selection) {
  const published = (visual) => dashboard.columns(visual, selection).includes(dashboard.face(visual, selection).value.column);
  const found = dashboard.definition.visuals.filter(published).map((visual) => {
    const rows = dashboard.rows(visual, selection);
    const missing = rows.filter(({ state }) => state === STATES.withheld).length;
    return { all: rows.length, missing, whole: missing === rows.length };
  });
  const whole = found.filter((chart) => chart.whole).length;
  const parts = found.filter((chart) => !chart.whole && chart.missing);
  const [missing, all] = ["missing", "all"].map((name) => parts.reduce((sum, chart) => sum + chart[name], 0));
  const some = [
    ...(parts.length ? [`${missing} of ${all} groups in ${counted(parts.length, "chart")}`] : []),
    ...(whole ? [`all of ${counted(whole, parts.length ? "other" : "chart")}`] : []),
  ];
  return some.length ? `Withheld, to protect small groups: ${some.join(", and ")}.` : null;
}

function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
