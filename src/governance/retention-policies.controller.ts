import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ORGANISATION } from '#libs/contracts';
import { Aggregates } from '#libs/cqrs';
import { issue, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { Meta, Roles } from '#libs/http';
import { retentionPolicy } from '#libs/retention';
import { PublishRetentionPolicy } from './retention-policy/publish-retention-policy.ts';

@Controller('v1/governance')
export class RetentionPoliciesController {
  constructor(
    private readonly commands: CommandBus,
    private readonly aggregates: Aggregates,
  ) {}

  /** A new version of the retention rules; refused below what a regulation asks for. */
  @Post('retention-policies')
  @Roles('records-manager', 'policy-editor')
  publish(@Body() body: PublishRetentionPolicy, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, ORGANISATION, meta));
  }

  /** Every version, from the stream itself, as it is or as it was. */
  @Get('retention-policies')
  async versions(@Query('asOf') asOf?: string): Promise<unknown> {
    return await this.aggregates.answer(retentionPolicy, ORGANISATION, asOf);
  }
}
