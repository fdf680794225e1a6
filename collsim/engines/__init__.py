"""Engines that run a program on a topology; each module registers one."""
