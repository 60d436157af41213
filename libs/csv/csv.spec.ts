import { csvOf, csvPieces } from './csv.ts';

const lineOf = (value: unknown): string =>
  csvOf(['a'], [{ a: value }])
    .split('\r\n')
    .slice(1, -1)
    .join('\r\n');

/** As a reader of RFC 4180 has it. */
const unquoted = (line: string): string => (line.startsWith('"') ? line.slice(1, -1).replaceAll('""', '"') : line);

describe('A table as CSV', () => {
  it('has a line for the columns and one for each row, in the order of the columns', () => {
    expect(csvOf(['a', 'b'], [{ b: 2, a: 'x' }, { b: null }])).toBe('a,b\r\nx,2\r\n,\r\n');
  });

  it('has its header where there are no rows', () => {
    expect(csvOf(['a', 'b'], [])).toBe('a,b\r\n');
  });

  it('quotes what would end a cell or a line', () => {
    expect(lineOf('a "b", c')).toBe('"a ""b"", c"');
    expect(lineOf('two\nlines')).toBe('"two\nlines"');
    expect(lineOf(['x', 'y'])).toBe('"[""x"",""y""]"');
  });

  it.each([
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '\t=1',
    '\tplain',
    '\r=1',
    '\rplain',
    '\n=1',
    ' =1',
    '\u00a0=1',
    '\u200b=1',
    '\u2060\ufeff=1',
    '\u202e=1',
    '\0=1',
    '\uff1d1',
    '\uff0b1',
    '\uff0d1',
    '\uff20SUM(A1)',
    '\ufe661',
    '\u22121',
    ' \u3000\uff1d1',
  ])('shows %j and does not run it', (formula) => {
    expect(unquoted(lineOf(formula))).toMatch(/^'/);
  });

  it.each([
    ['a;=1+1', "a;'=1+1"],
    ['a; +1', "a; '+1"],
    ['a\t=1', "a\t'=1"],
    ['a\n@SUM(A1)', "a\n'@SUM(A1)"],
    ['a\r\n\u200b-1', "a\r\n\u200b'-1"],
    ['a;;=1', "a;;'=1"],
  ])('shows %j where a reader takes other signs for the end of a cell', (text, shown) => {
    expect(unquoted(lineOf(text))).toBe(shown);
  });

  it('leaves alone what is no formula', () => {
    for (const text of ['a=1', '1-1', 'e@example.com', "'quoted'", ' padded ', 'a; b', 'x\n1', '\u200bname', 'a - b', 'C++', '–', 'ａ＝1'])
      expect(unquoted(lineOf(text))).toBe(text);
  });

  it('gets done with a cell of a million characters, whatever it is', () => {
    // It would take hours if the text were looked through again from every character.
    for (const unit of ['\t', ';', ' -', '\n=', '\u200b']) expect(lineOf(unit.repeat(1_000_000)).length).toBeGreaterThanOrEqual(1_000_000);
  });

  it('comes in pieces of whole lines, which are the table together', () => {
    const rows = Array.from({ length: 20_000 }, (_, n) => ({ n, text: `"${n}",` }));
    const pieces = [...csvPieces(['n', 'text'], rows)];
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.every((piece) => piece.endsWith('\r\n') && piece.length < 70_000)).toBe(true);
    expect(pieces.join('')).toBe(csvOf(['n', 'text'], rows));
  });
});
