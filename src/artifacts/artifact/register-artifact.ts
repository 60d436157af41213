import { Transform, Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsIn, IsOptional, IsString, Matches, MaxLength, ValidateNested } from 'class-validator';
import { digestText, type ArtifactEvent, type Digest } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { ACCOUNT, withoutAddress } from '#libs/identity';
import { IsInstant } from '#libs/instant';
import { artifact, type Artifact } from './artifact.ts';

const HEX_LENGTH = { sha256: 64, sha384: 96, sha512: 128 } as const;

export class DigestField implements Digest {
  @IsIn(['sha256', 'sha384', 'sha512']) algorithm: 'sha256' | 'sha384' | 'sha512';
  @Matches(/^[0-9a-f]{64,128}$/, { message: 'value must be lower-case hex' }) value: string;
}

export class RegisterArtifact {
  @IsString()
  @Matches(/^[@a-zA-Z0-9][a-zA-Z0-9._/@-]{0,199}$/, { message: 'name must be a package name of at most 200 characters' })
  name: string;
  @IsString()
  @Matches(/^[a-zA-Z0-9][a-zA-Z0-9._+-]{0,99}$/, { message: 'version must be a version of at most 100 characters' })
  version: string;
  @IsString()
  @MaxLength(500)
  @Matches(/^pkg:[a-zA-Z][a-zA-Z0-9.+-]*\/.+/, { message: 'purl must be a package URL such as pkg:npm/name@1.0.0' })
  purl: string;
  @ValidateNested() @Type(() => DigestField) digest: DigestField;
  @IsOptional() @Matches(/^[0-9a-f]{7,64}$/, { message: 'commit must be a commit id in hex' }) commit?: string;
  /** What built it; where that is an account (`issuer|subject`) or an address, whoever it belongs to does not approve it. */
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' && value.length <= 500 ? withoutAddress(value) : value))
  @IsOptional()
  @IsString()
  @MaxLength(500)
  builder?: string;
  /**
   * Accounts (`issuer|subject`) that wrote what is in it; commit authors and co-authors as git has them: `Ada <ada@example.org>`, a trailer
   * `Co-authored-by: …`, `mailto|address` or the bare address. Neither name nor address is kept as it is.
   */
  @Transform(({ value }: { value: unknown }) =>
    Array.isArray(value)
      ? value.map((author: unknown) => (typeof author === 'string' && author.length <= 600 ? withoutAddress(author) : author))
      : value,
  )
  @IsArray()
  @ArrayMaxSize(200)
  @Matches(ACCOUNT, { each: true, message: 'each author must be an account, issuer|subject, or what a commit says of one, Name <address>' })
  authors: string[];
  @IsOptional() @IsInstant() claimedOccurredAt?: string;
}

/** An artifact is its digest: a name and version never means a second one (M3.1). */
export function registerArtifact(command: Issued<RegisterArtifact>, state: Artifact): Decision<ArtifactEvent> {
  const { name, version, purl, digest, commit, builder, authors, claimedOccurredAt, target } = command;
  if (digest.value.length !== HEX_LENGTH[digest.algorithm]) {
    return refuse(
      'meaning',
      'digest-length',
      `A ${digest.algorithm} digest has ${HEX_LENGTH[digest.algorithm]} hex characters, not ${digest.value.length}.`,
    );
  }
  if (state.digest === digestText(digest)) {
    // Reports from outside name no authors; whoever knows them may say so later, and nobody can take one away.
    const further = [...new Set(authors)].filter((author) => !state.authors.includes(author));
    return further.length === 0 ? [] : [{ type: 'ArtifactAuthorsAdded', data: { artifactId: target, authors: further } }];
  }
  if (state.digest) {
    return refuse('conflict', 'second-digest', `${name}@${version} is ${state.digest}. Another digest needs another version.`, [
      {
        code: 'registered-digest',
        detail: `Registered before with ${state.digest}.`,
        evidence: [`artifact-${target}@0`],
        unblockedBy: 'Build and register a new version.',
      },
    ]);
  }
  return [
    {
      type: 'ArtifactRegistered',
      data: {
        artifactId: target,
        name,
        version,
        purl,
        digest: { algorithm: digest.algorithm, value: digest.value },
        ...(commit ? { commit } : {}),
        ...(builder ? { builder } : {}),
        authors: [...new Set(authors)],
        ...(claimedOccurredAt ? { claimedOccurredAt } : {}),
      },
    },
  ];
}

export const registerArtifactCommand = defineCommand({
  type: RegisterArtifact,
  aggregate: artifact,
  decide: registerArtifact,
  governed: (command) => ({ artifactId: command.target }),
});
