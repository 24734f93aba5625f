// @ts-check
// The words of PromQL that the field offers: functions, aggregations, keywords. Experimental ones are left out.

/** @param {string} text */
const words = (text) => text.trim().split(/\s+/);

export const FUNCTIONS = words(`
  abs absent absent_over_time acos acosh asin asinh atan atanh avg_over_time ceil changes clamp clamp_max clamp_min cos
  cosh count_over_time day_of_month day_of_week day_of_year days_in_month deg delta deriv exp first_over_time floor
  histogram_avg histogram_count histogram_fraction histogram_quantile histogram_stddev histogram_stdvar histogram_sum
  hour idelta increase irate label_join label_replace last_over_time ln log10 log2 max_over_time min_over_time minute
  month pi predict_linear present_over_time quantile_over_time rad rate resets round scalar sgn sin sinh sort sort_desc
  sqrt stddev_over_time stdvar_over_time sum_over_time tan tanh time timestamp vector year`);

export const AGGREGATIONS = words("avg bottomk count count_values group max min quantile stddev stdvar sum topk");

/** A metric as a selector; a name of other characters than letters, digits, `_` and `:` stands in quotes. @param {string} name */
export function selectorOf(name) {
  return /^[a-zA-Z_:][\w:]*$/.test(name) ? name : `{${JSON.stringify(name)}}`;
}

/** A label as an expression names it. @param {string} name */
export function labelOf(name) {
  return /^[a-zA-Z_]\w*$/.test(name) ? name : JSON.stringify(name);
}

/** Words before a list of labels in parentheses. */
export const GROUPINGS = words("by group_left group_right ignoring on without");

export const KEYWORDS = [...GROUPINGS, ...words("and bool offset or unless")];

export const DURATIONS = words("$__rate_interval 1m 5m 15m 1h");
