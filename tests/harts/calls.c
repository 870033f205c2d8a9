/* SPDX-License-Identifier: MIT */
/*
 * Clients on all harts call servers on all harts, each in an address space of its own, with messages of all
 * lengths whose words the answer must show to have arrived. A killer ends servers in the middle of it and
 * starts them again.
 */
#include "harts.h"

#define CLIENTS_PER_HART 2

/* What a server knows, in a page that all address spaces share. */
struct service {
    volatile uint64_t served;
    cap_t endpoint, reply;
    struct msg_page *page;
};
struct mixer {
    struct actor actor;
    struct service *service;
};
struct client {
    struct actor actor;
    cap_t endpoint[MAX_HARTS]; /* badged */
    struct sleeper sleeper;
};

static struct mixer servers[MAX_HARTS];
static struct client clients[MAX_HARTS * CLIENTS_PER_HART];
static struct actor killer;
static struct sleeper killer_sleeper;
static unsigned server_count;

static uint64_t mix(const uint64_t *register_words, const struct msg_page *page, unsigned length)
{
    uint64_t hash = 14695981039346656037ull + length;

    for (unsigned i = 0; i < length; i++)
        hash = (hash ^ (i < MSG_REGS ? register_words[i] : page->word[i])) * 1099511628211ull;
    return hash;
}

/* In an address space of its own; the argument is a struct service. */
static void serve_mixes(uint64_t argument)
{
    struct service *server = (struct service *)argument;
    struct msg m = {.tag = tag_make(ERR_PEER_GONE, 0, 0)};

    sys_msg(SYS_SEND, server->reply, &m); /* to whom it had put aside when it was ended */
    sys_msg(SYS_RECV, server->endpoint, &m);
    for (;;) {
        uint64_t answer[2] = {mix(m.word, server->page, tag_length(m.tag)), m.badge};
        bool aside = ++server->served % 4 == 0;
        if (aside) { /* unless the caller has gone meanwhile */
            aside = !kernel_call(server->reply, OP_REPLY_SAVE_CALLER, NULL, 0, NULL, 0);
        }
        m = (struct msg){.tag = tag_make(ERR_OK, 2, 0), .word = {answer[0], answer[1]}};
        if (aside) {
            sys_msg(SYS_SEND, server->reply, &m);
            sys_msg(SYS_RECV, server->endpoint, &m);
        } else {
            sys_msg(SYS_REPLY_RECV, server->endpoint, &m);
        }
    }
}

static void call_servers(uint64_t number)
{
    static const unsigned lengths[] = {0, 1, 2, 4, 7, 8, 9, 33, 64};
    struct client *client = &clients[number];
    struct actor *actor = &client->actor;
    struct msg_page *page = guest_thread_page(&actor->thread);

    for (;;) {
        unsigned length = lengths[random_below(actor, sizeof(lengths) / sizeof(lengths[0]))];
        struct msg m = {.tag = tag_make(random_below(actor, 1000), length, 0)};
        for (unsigned i = 0; i < length; i++)
            *(i < MSG_REGS ? &m.word[i] : &page->word[i]) = actor->random * (i + 1);
        uint64_t expected = mix(m.word, page, length);
        uint32_t error = sys_msg(SYS_CALL, client->endpoint[random_below(actor, server_count)], &m);
        if (error == ERR_PEER_GONE || error == ERR_CANCELLED) {
            count_add(COUNT_CALLS_GONE, 1);
        } else {
            must(error, "call a server");
            check(tag_length(m.tag) == 2 && m.word[0] == expected,
                        "a message did not arrive as it was sent");
            check(m.word[1] == number + 1, "a message came with somebody else's badge");
            count_add(COUNT_CALLS, 1);
        }
        if (++actor->progress % 64 == 0)
            sleeper_sleep(&client->sleeper, 1000);
    }
}

static void kill_servers(uint64_t unused)
{
    (void)unused;
    for (;;) {
        struct mixer *server = &servers[random_below(&killer, server_count)];
        struct actor *actor = &server->actor;
        sleeper_sleep(&killer_sleeper, 1000 + random_below(&killer, 20000));
        actor->stopped = true;
        guest_thread_end(&actor->thread);
        actor->thread.hart = random_below(&killer, rt_boot->hart_count);
        guest_thread_start(&actor->thread);
        actor->stopped = false;
        count_add(COUNT_KILLS, 1);
        killer.progress++;
    }
}

static void server_make(struct mixer *server, unsigned hart)
{
    struct guest_thread *thread = &server->actor.thread;

    server->service->endpoint = make_object(OBJ_ENDPOINT, 0);
    server->service->reply = make_object(OBJ_REPLY, 0);
    server->actor.progress_at = &server->service->served;
    thread->with_page = true;
    thread->priority = PRIORITY_LOAD - 1 + hart % 3;
    thread->space = guest_space_clone();
    guest_thread_prepare(thread);
    server->service->page = guest_thread_page(thread);
    actor_add(&server->actor, "server", serve_mixes, (uint64_t)server->service, hart);
}

static void client_make(unsigned number)
{
    struct client *client = &clients[number];

    for (unsigned i = 0; i < server_count; i++) {
        client->endpoint[i] = slots_take(1);
        must(cnode_mint(BOOT_CNODE, client->endpoint[i], 0, servers[i].service->endpoint,
                              RIGHT_SEND, number + 1), "mint a badge");
    }
    client->sleeper = sleeper_make();
    client->actor.thread.with_page = true;
    actor_add(&client->actor, "client", call_servers, number, number / CLIENTS_PER_HART);
}

void calls_make(unsigned harts)
{
    struct service *services = guest_shared_page();

    server_count = harts;
    for (unsigned i = 0; i < harts; i++) {
        servers[i].service = &services[i];
        server_make(&servers[i], i);
    }
    for (unsigned i = 0; i < harts * CLIENTS_PER_HART; i++)
        client_make(i);
    killer_sleeper = sleeper_make();
    killer.thread.priority = PRIORITY_TROUBLE;
    actor_add(&killer, "killer", kill_servers, 0, 0);
}
