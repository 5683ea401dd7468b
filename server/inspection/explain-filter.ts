import type { ExplainReason, Filter, Matchable, Matcher, RecordField } from '../../protocol/index.js';

const SHOWN = 3;

/** Returns the fields of a filter that a record does not match, each with the wanted and the found values. */
export function failures(filter: Filter, matcher: Matcher, record: Matchable): readonly ExplainReason[] {
  return matcher.failing(record).map((field) => {
    const wanted = filter[field] ?? [];
    const found = valuesOf(record, field);
    const has = found.length === 0 ? `the record has no ${NAMES[field]}` : `the record has ${listed(found)}`;
    return { code: 'filter-field', text: `${field} asks for ${listed(wanted)}; ${has}`, field, wanted, found };
  });
}

/** Returns a list of texts for a person, with at most {@link SHOWN} of them. */
export function listed(values: readonly string[]): string {
  const shown = values.slice(0, SHOWN).map((value) => JSON.stringify(value.slice(0, 80)));
  const more = values.length > SHOWN ? ` or ${String(values.length - SHOWN)} others` : '';
  return shown.join(' or ') + more;
}

const NAMES: Readonly<Record<RecordField, string>> = {
  kinds: 'kind',
  ids: 'id',
  run_ids: 'run_id that is a string',
  branches: 'branch that is a string',
  addresses: 'addresses',
};

function valuesOf({ kind, id, runId, branch, addresses }: Matchable, field: RecordField): readonly string[] {
  switch (field) {
    case 'kinds':
      return [kind];
    case 'ids':
      return [id];
    case 'run_ids':
      return runId === undefined ? [] : [runId];
    case 'branches':
      return branch === undefined ? [] : [branch];
    case 'addresses':
      return addresses;
  }
}
