import type { IdentityBootstrapEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { bootstrapIdentity, BootstrapIdentity, endBootstrap, EndBootstrap } from './bootstrap-identity.ts';
import { bootstrap } from './identity-bootstrap.ts';

const first = scenario(bootstrap);
const began = (person: string): IdentityBootstrapEvent => ({
  type: 'IdentityBootstrapped',
  data: { issuer: 'test', subject: person, person, reason: 'Set up.' },
});
const ended: IdentityBootstrapEvent = { type: 'IdentityBootstrapEnded', data: { person: 'ida', reason: 'There are two others.' } };
const begin = (person: string) => issued(BootstrapIdentity, { reason: 'Set up.' }, 'first', { person });
const end = issued(EndBootstrap, { reason: 'There are two others.' }, 'first');

describe('the first administrator', () => {
  it('is whoever comes first, on record as confirmed by nobody, once', () => {
    first.given().when(bootstrapIdentity, begin('ida')).then(began('ida'));
    first.given(began('ida')).when(bootstrapIdentity, begin('ida')).thenNothing();
  });

  it('is nobody who comes later, also when the first one has ended', () => {
    first.given(began('ida')).when(bootstrapIdentity, begin('eve')).thenRefused('bootstrapped-before');
    first.given(began('ida'), ended).when(bootstrapIdentity, begin('ida')).thenRefused('bootstrapped-before');
  });

  it('ends once', () => {
    first.given(began('ida')).when(endBootstrap, end).then(ended);
    first.given(began('ida'), ended).when(endBootstrap, end).thenNothing();
    first.given().when(endBootstrap, end).thenRefused('not-bootstrapped');
  });
});
