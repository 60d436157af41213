import { Body, Controller, Header, HttpCode, Inject, Post } from '@nestjs/common';
import { ArrayMaxSize, IsArray, IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min, MinLength } from 'class-validator';
import { MAX_TTL_SECONDS, type EmbeddedIssuer } from '#libs/identity';
import { Public } from './auth.ts';

/** Injection token of the `EmbeddedIssuer`. */
export const EMBEDDED_ISSUER = Symbol('EMBEDDED_ISSUER');

export class DevTokenRequest {
  @IsString()
  @MinLength(1)
  @MaxLength(255)
  @Matches(/^[^\p{Cc}]+$/u, { message: 'subject must have no control characters' })
  subject: string;

  @IsArray()
  @ArrayMaxSize(64)
  @IsString({ each: true })
  @MinLength(1, { each: true })
  @MaxLength(128, { each: true })
  roles: string[];

  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(255)
  name?: string;

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_TTL_SECONDS)
  ttlSeconds?: number;
}

export interface DevToken {
  readonly token: string;
  readonly tokenType: 'Bearer';
  /** ISO 8601, UTC. */
  readonly expiresAt: string;
}

/** Hands a token to anyone who asks: declare it only where the embedded issuer is the identity provider. */
@Controller('v1/dev/token')
export class DevTokenController {
  constructor(@Inject(EMBEDDED_ISSUER) private readonly issuer: EmbeddedIssuer) {}

  @Post()
  @Public()
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async issue(@Body() request: DevTokenRequest): Promise<DevToken> {
    const { token, expiresAt } = await this.issuer.issue(request);
    return { token, tokenType: 'Bearer', expiresAt };
  }
}
