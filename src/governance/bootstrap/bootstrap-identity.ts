import { IsString, Matches, MaxLength } from 'class-validator';
import type { IdentityBootstrapEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { bootstrap, type Bootstrap } from './identity-bootstrap.ts';

export class BootstrapIdentity {
  /** Why this account is the first administrator's: for whoever reads it later. */
  @IsString() @Matches(/[\p{L}\p{N}]/u, { message: 'reason must say something' }) @MaxLength(500) reason: string;
}

export class EndBootstrap {
  @IsString() @Matches(/[\p{L}\p{N}]/u, { message: 'reason must say something' }) @MaxLength(500) reason: string;
}

/** Once and never again: the first administrator, whom nobody could confirm. */
export function bootstrapIdentity(command: Issued<BootstrapIdentity>, state: Bootstrap): Decision<IdentityBootstrapEvent> {
  const { person, principal } = command.meta.actor;
  if (state.principal === principal && !state.ended) return [];
  if (state.person !== undefined) {
    return refuse('conflict', 'bootstrapped-before', 'There was a first administrator of identities: roles are granted by two persons.');
  }
  const bar = principal.indexOf('|');
  return [
    {
      type: 'IdentityBootstrapped',
      data: { issuer: principal.slice(0, bar), subject: principal.slice(bar + 1), person, reason: command.reason },
    },
  ];
}

/** From here on every administrator was granted the role by two persons. */
export function endBootstrap(command: Issued<EndBootstrap>, state: Bootstrap): Decision<IdentityBootstrapEvent> {
  if (state.person === undefined) return refuse('not-found', 'not-bootstrapped', 'There was no first administrator.');
  return state.ended ? [] : [{ type: 'IdentityBootstrapEnded', data: { person: state.person, reason: command.reason } }];
}

const about = (): Record<string, string> => ({});

export const bootstrapIdentityCommand = defineCommand({
  type: BootstrapIdentity,
  personal: ['reason'],
  aggregate: bootstrap,
  decide: bootstrapIdentity,
  governed: about,
});
export const endBootstrapCommand = defineCommand({
  type: EndBootstrap,
  personal: ['reason'],
  aggregate: bootstrap,
  decide: endBootstrap,
  governed: about,
});
