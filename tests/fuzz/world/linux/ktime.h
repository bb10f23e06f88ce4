/* SPDX-License-Identifier: MIT */
/* world.h has what is used of it. */
