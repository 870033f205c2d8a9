/* SPDX-License-Identifier: MIT */
/* What is asked of others: addresses of names (DNS), and echoes (ICMP, RFC 792 and 4443). */
#include "net.h"

#include <lwip/dns.h>
#include <lwip/icmp.h>
#include <lwip/inet_chksum.h>
#include <lwip/prot/icmp.h>
#include <lwip/prot/icmp6.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/raw.h>
#include <stdlib.h>
#include <string.h>

#define MAX_REQUESTS 256 /* of all clients */
#define MAX_ECHO     1400

struct request {
    struct wait wait;
    struct session *session; /* NULL: the client has ended; DNS still has it */
    struct request *next, **before;
    bool with_dns; /* lwIP will call back, once */
    uint16_t id;   /* of an echo; 0: of a name */
    uint16_t sequence;
    uint64_t started; /* ticks */
};

static struct request *echoes[256]; /* by the low bits of id; two with the same do not wait at once */
static unsigned count;
static struct raw_pcb *raw4, *raw6;

static struct request *request_new(struct session *session)
{
    struct request *request =
        count < MAX_REQUESTS ? aligned_alloc(_Alignof(struct request), sizeof(*request)) : NULL;

    if (request == NULL)
        return NULL;
    *request = (struct request){.session = session, .next = session->requests, .before = &session->requests};
    if (request->next != NULL)
        request->next->before = &request->next;
    session->requests = request;
    count++;
    return request;
}

bool requests_wait(void)
{
    return count > 0;
}

/* Out of the session's list; frees it unless lwIP still has it. */
static void request_end(struct request *request)
{
    if (request->session != NULL) {
        *request->before = request->next;
        if (request->next != NULL)
            request->next->before = request->before;
        request->session = NULL;
    }
    if (request->id != 0 && echoes[request->id % 256] == request)
        echoes[request->id % 256] = NULL;
    if (request->with_dns)
        return;
    count--;
    free(request);
}

static void expired(struct wait *wait)
{
    wait_answer(wait, ERR_TIMED_OUT, NULL, 0);
    request_end((struct request *)wait);
}

void requests_end(struct session *session)
{
    while (session->requests != NULL) {
        wait_answer(&session->requests->wait, ERR_CANCELLED, NULL, 0);
        request_end(session->requests);
    }
}

/* --- Names --- */

static void on_name(const char *name, const ip_addr_t *ip, void *argument)
{
    struct request *request = argument;
    struct net_address_reply reply = {0};

    (void)name;
    request->with_dns = false;
    if (ip != NULL)
        address_out(&reply.address, ip, 0);
    wait_answer(&request->wait, ip != NULL ? ERR_OK : ERR_NOT_FOUND, &reply, sizeof(reply));
    request_end(request);
}

enum error request_name(struct session *session, struct call *call, const char *name, uint64_t family,
                        uint64_t timeout, struct net_address *found)
{
    u8_t type = family == NET_IPV4   ? LWIP_DNS_ADDRTYPE_IPV4
                : family == NET_IPV6 ? LWIP_DNS_ADDRTYPE_IPV6
                                     : LWIP_DNS_ADDRTYPE_IPV4_IPV6;
    ip_addr_t ip;
    struct request *request = request_new(session);

    if (request == NULL)
        return ERR_NO_MEMORY;
    err_t asked = dns_gethostbyname_addrtype(name, &ip, on_name, request, type);
    request->with_dns = asked == ERR_INPROGRESS;
    enum error error = error_of(asked);
    if (!asked)
        address_out(found, &ip, 0);
    if (asked == ERR_INPROGRESS)
        error = wait_begin(&request->wait, call, timeout, expired);
    if (asked == ERR_VAL)
        error = ERR_UNREACHABLE; /* no server of names is known */
    if (asked != ERR_INPROGRESS || error)
        request_end(request);
    return error;
}

/* --- Echoes --- */

static void answered(const struct icmp_echo_hdr *echo, uint16_t length, uint8_t hops)
{
    struct request *request = echoes[lwip_ntohs(echo->id) % 256];
    struct net_ping_reply reply = {.length = length, .hops = hops};

    if (request == NULL || request->id != lwip_ntohs(echo->id) ||
        request->sequence != lwip_ntohs(echo->seqno))
        return;
    reply.time = (rt_ticks() - request->started) * 1000000 / rt_start->timebase;
    wait_answer(&request->wait, ERR_OK, &reply, sizeof(reply));
    request_end(request);
}

/* lwIP: an ICMP message has come; what is no answer for us goes on. */
static u8_t on_message(void *argument, struct raw_pcb *pcb, struct pbuf *message, const ip_addr_t *ip)
{
    bool is6 = IP_IS_V6(ip);
    struct icmp_echo_hdr echo;
    struct ip_hdr header;
    uint16_t skip;
    uint8_t hops;

    (void)argument;
    (void)pcb;
    if (is6) {
        struct ip6_hdr header6;
        if (pbuf_copy_partial(message, &header6, IP6_HLEN, 0) != IP6_HLEN)
            return 0;
        skip = IP6_HLEN;
        hops = IP6H_HOPLIM(&header6);
    } else {
        if (pbuf_copy_partial(message, &header, IP_HLEN, 0) != IP_HLEN)
            return 0;
        skip = IPH_HL_BYTES(&header);
        hops = IPH_TTL(&header);
    }
    if (pbuf_copy_partial(message, &echo, sizeof(echo), skip) != sizeof(echo) ||
        ICMPH_TYPE(&echo) != (is6 ? ICMP6_TYPE_EREP : ICMP_ER)) {
        return 0;
    }
    answered(&echo, (uint16_t)(message->tot_len - skip - sizeof(echo)), hops);
    pbuf_free(message);
    return 1;
}

static enum error send_echo(const struct request *request, const ip_addr_t *ip, uint16_t length)
{
    bool is6 = IP_IS_V6(ip);
    struct pbuf *message = pbuf_alloc(PBUF_IP, (u16_t)(sizeof(struct icmp_echo_hdr) + length), PBUF_RAM);

    if (message == NULL)
        return ERR_NO_MEMORY;
    struct icmp_echo_hdr *echo = message->payload;
    char *data = (char *)(echo + 1);
    ICMPH_TYPE_SET(echo, is6 ? ICMP6_TYPE_EREQ : ICMP_ECHO);
    ICMPH_CODE_SET(echo, 0);
    echo->chksum = 0;
    echo->id = lwip_htons(request->id);
    echo->seqno = lwip_htons(request->sequence);
    for (uint16_t i = 0; i < length; i++)
        data[i] = (char)i;
    if (!is6)
        echo->chksum = inet_chksum(echo, message->len); /* that of ICMPv6 is the raw interface's to make */
    enum error error = error_of(raw_sendto(is6 ? raw6 : raw4, message, ip));
    pbuf_free(message);
    return error;
}

enum error request_echo(struct session *session, struct call *call, const struct net_ping_request *what)
{
    static uint16_t last_id;
    ip_addr_t ip;

    if (!address_in(&what->address, &ip) || what->address.family == NET_ANY || what->length > MAX_ECHO)
        return ERR_BAD_ARG;
    struct request *request = request_new(session);
    if (request == NULL)
        return ERR_NO_MEMORY;
    last_id = last_id == UINT16_MAX ? 1 : last_id + 1;
    if (echoes[last_id % 256] != NULL) {
        request_end(request);
        return ERR_BUSY;
    }
    request->id = last_id;
    request->sequence = (uint16_t)what->sequence;
    request->started = rt_ticks();
    echoes[last_id % 256] = request;
    enum error error = wait_begin(&request->wait, call, what->timeout, expired);
    if (!error) {
        error = send_echo(request, &ip, (uint16_t)what->length);
        if (!error)
            return ERR_OK;
        wait_answer(&request->wait, error, NULL, 0);
        error = ERR_OK;
    }
    request_end(request);
    return error;
}

void requests_init(void)
{
    raw4 = raw_new_ip_type(IPADDR_TYPE_V4, IP_PROTO_ICMP);
    raw6 = raw_new_ip_type(IPADDR_TYPE_V6, IP6_NEXTH_ICMP6);
    if (raw4 == NULL || raw6 == NULL)
        rt_fail("no memory");
    raw6->chksum_reqd = 1;
    raw6->chksum_offset = 2;
    raw_recv(raw4, on_message, NULL);
    raw_recv(raw6, on_message, NULL);
}
