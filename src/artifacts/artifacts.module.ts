import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { registerArtifactCommand } from './artifact/register-artifact.ts';
import { ArtifactsController } from './artifacts.controller.ts';

@Module({ controllers: [ArtifactsController], providers: [...commandHandlers(registerArtifactCommand)] })
export class ArtifactsModule {}
