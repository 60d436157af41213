import { csvOf } from './csv.ts';

const lineOf = (value: unknown): string =>
  csvOf(['a'], [{ a: value }])
    .split('\r\n')
    .slice(1, -1)
    .join('\r\n');

describe('A table as CSV', () => {
  it('has a line for the columns and one for each row, in the order of the columns', () => {
    expect(csvOf(['a', 'b'], [{ b: 2, a: 'x' }, { b: null }])).toBe('a,b\r\nx,2\r\n,\r\n');
  });

  it('quotes what would end a cell or a line', () => {
    expect(lineOf('a "b", c')).toBe('"a ""b"", c"');
    expect(lineOf('two\nlines')).toBe('"two\nlines"');
    expect(lineOf(['x', 'y'])).toBe('"[""x"",""y""]"');
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '\u200b=1', '\uff1d1'])('shows %j and does not run it', (formula) => {
    expect(lineOf(formula).replace(/^"/, '')).toMatch(/^'/);
  });

  it('leaves alone what is no formula', () => {
    for (const text of ['a=1', '1-1', 'e@example.com', "'quoted'"]) expect(lineOf(text)).toBe(text);
  });
});
