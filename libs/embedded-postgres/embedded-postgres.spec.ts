import { locateBinaries, SUPPORTED_PLATFORMS } from './binaries.ts';

describe('the embedded Postgres', () => {
  it('says which platforms it supports, and what to do on others', () => {
    expect(() => locateBinaries('sunos-sparc')).toThrow(new RegExp(`sunos-sparc.*${SUPPORTED_PLATFORMS.join(', ')}.*DATABASE_URL`));
  });
});
