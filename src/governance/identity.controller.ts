import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { accountId, ownershipId } from '#libs/contracts';
import { Aggregates } from '#libs/cqrs';
import { issue, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { AnyRole, GuardedRoutes, IdPipe, Meta, Roles, Vouches } from '#libs/http';
import { defaultPolicySet } from '#libs/authorization';
import { ConfirmAccountLink, RequestAccountLink, UnlinkAccount } from './account/link-account.ts';
import { addressToClaim, ClaimAddress, type ClaimAddressByKeys } from './address/claim-address.ts';
import { BootstrapIdentity, EndBootstrap } from './bootstrap/bootstrap-identity.ts';
import { bootstrap, BOOTSTRAP_ID } from './bootstrap/identity-bootstrap.ts';
import { ConfirmOwnership, RequestOwnership } from './ownership/assign-ownership.ts';
import { ownership } from './ownership/ownership.ts';
import { person } from './person/person.ts';
import { PersonLeaves, RegisterPerson } from './person/register-person.ts';
import { ConfirmRolePolicy, ProposeRolePolicyForActions, ProposeRolePolicy } from './role-policy/publish-role-policy.ts';
import { rolePolicy, ROLE_POLICY_ID } from './role-policy/role-policy.ts';
import { ConfirmRole, RequestRole, RevokeRole } from './role/request-role.ts';
import { roleGrants } from './role/role-grants.ts';

/** Who is who, and who has which role. */
@Controller('v1/governance')
export class IdentityController {
  constructor(
    private readonly commands: CommandBus,
    private readonly aggregates: Aggregates,
    private readonly routes: GuardedRoutes,
  ) {}

  @Post('identity/bootstrap')
  @Roles('identity-admin')
  bootstrap(@Body() body: BootstrapIdentity, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, BOOTSTRAP_ID, meta));
  }

  @Post('identity/bootstrap/end')
  @Roles('identity-admin')
  endBootstrap(@Body() body: EndBootstrap, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, BOOTSTRAP_ID, meta));
  }

  @Get('identity/bootstrap')
  firstAdministrator(@Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(bootstrap, BOOTSTRAP_ID, asOf);
  }

  @Post('persons')
  @Roles('identity-admin')
  register(@Body() body: RegisterPerson, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, body.person, meta));
  }

  @Post('persons/:id/leave')
  @Roles('identity-admin')
  leave(@Param('id', IdPipe) id: string, @Body() body: PersonLeaves, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Get('persons/:id')
  person(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(person, id, asOf);
  }

  /** The address is not stored, only ids that say whether another one is the same or looks the same. */
  @Post('persons/:id/addresses')
  @Vouches()
  @Roles('identity-admin')
  claimAddress(@Param('id', IdPipe) id: string, @Body() body: ClaimAddress, @Meta() meta: CommandMeta): Promise<Transacted> {
    const { command, skeletonId }: { command: ClaimAddressByKeys; skeletonId: string } = addressToClaim(id, body.address);
    return this.commands.execute(issue(command, skeletonId, meta));
  }

  /** Asks for an account to be linked to a person; it counts once another person has confirmed it. */
  @Post('accounts')
  @AnyRole()
  requestLink(@Body() body: RequestAccountLink, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, accountId(body.issuer, body.subject), meta));
  }

  @Post('accounts/confirm')
  @Vouches()
  @Roles('identity-admin')
  confirmLink(@Body() body: ConfirmAccountLink, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, accountId(body.issuer, body.subject), meta));
  }

  @Post('accounts/unlink')
  @Roles('identity-admin')
  unlink(@Body() body: UnlinkAccount, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, accountId(body.issuer, body.subject), meta));
  }

  /** Asks for a team to own a product, so that roles of the team's scope count for it; it counts once another person has confirmed it. */
  @Post('ownership')
  @AnyRole()
  requestOwnership(@Body() body: RequestOwnership, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, ownershipId(body.product), meta));
  }

  @Post('ownership/confirm')
  @Vouches()
  @Roles('identity-admin')
  confirmOwnership(@Body() body: ConfirmOwnership, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, ownershipId(body.product), meta));
  }

  /** Which team owns a product. */
  @Get('ownership')
  ownership(@Query('product') product?: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(ownership, ownershipId(product ?? ''), asOf);
  }

  /** Asks for a role for a person; it counts once another person has confirmed it. */
  @Post('persons/:id/roles')
  @AnyRole()
  requestRole(@Param('id', IdPipe) id: string, @Body() body: RequestRole, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Post('persons/:id/roles/confirm')
  @Vouches()
  @Roles('identity-admin')
  confirmRole(@Param('id', IdPipe) id: string, @Body() body: ConfirmRole, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Post('persons/:id/roles/revoke')
  @Roles('identity-admin')
  revokeRole(@Param('id', IdPipe) id: string, @Body() body: RevokeRole, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Get('persons/:id/roles')
  roles(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(roleGrants, id, asOf);
  }

  @Post('role-policies')
  @Roles('policy-editor')
  proposeRolePolicy(@Body() body: ProposeRolePolicy, @Meta() meta: CommandMeta): Promise<Transacted> {
    const actions = [...new Set(this.routes.all().map((r) => r.action))];
    const vouching = this.routes.vouching();
    return this.commands.execute(
      issue(Object.assign(new ProposeRolePolicyForActions(), body, { actions, vouching }), ROLE_POLICY_ID, meta),
    );
  }

  @Post('role-policies/confirm')
  @Vouches()
  @Roles('policy-editor')
  confirmRolePolicy(@Body() body: ConfirmRolePolicy, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, ROLE_POLICY_ID, meta));
  }

  /** Policies on roles: those published, and what holds where none are. */
  @Get('role-policies')
  async rolePolicies(@Query('asOf') asOf?: string): Promise<unknown> {
    const { state } = await this.aggregates.load(rolePolicy, ROLE_POLICY_ID, asOf);
    return { ...state, builtIn: defaultPolicySet(this.routes.table()), routes: this.routes.all() };
  }
}
