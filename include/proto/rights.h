/* SPDX-License-Identifier: MIT */
/*
 * Rights within each protocol, the low 16 bits of a client's badge. Plain numbers, so that the system
 * description can include this file as well. What a client's badge lacks, the server loop refuses with
 * ERR_DENIED.
 */
#pragma once

#define PROTO_MANAGE 0x8000 /* in every protocol: init's own session, see proto_client_gone */

#define MM_USE  0x0001 /* own memory, segments, kernel objects */
#define MM_DMA  0x0002 /* contiguous memory and its physical address; device segments */

#define DEV_DRIVE   0x0001 /* find and take the devices registered for this client */
#define DEV_INSPECT 0x0002 /* list devices and interrupt lines */
#define DEV_LEND    0x0004 /* own memory that drivers may have their devices use */

#define CONSOLE_WRITE 0x0001
#define CONSOLE_READ  0x0002
#define CONSOLE_CONTROL 0x0004 /* say whose the terminal is */

#define BLK_READ  0x0001
#define BLK_WRITE 0x0002

#define ETH_USE 0x0001 /* send and receive frames */

#define NET_SOCKET  0x0001 /* sockets, as far as `limits` of the description go */
#define NET_INSPECT 0x0002 /* look at addresses, routes, counters and sockets */

#define FS_READ  0x0001
#define FS_WRITE 0x0002

#define GPIO_READ  0x0001 /* look at pins, wait for what happens there */
#define GPIO_WRITE 0x0002 /* change them */

#define PROC_SELF    0x0001 /* exit, and be known */
#define PROC_SPAWN   0x0002 /* start programs, wait for them, kill those */
#define PROC_INSPECT 0x0004 /* list processes and their capabilities */
#define PROC_KILL    0x0008 /* kill any process */
#define PROC_POWER   0x0010 /* power off and reboot */
#define PROC_ATTENTION 0x0020 /* tell of the key that no program can take: the terminal's driver */
