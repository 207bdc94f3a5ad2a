//! Tests of limits, at the limit and one beyond, on a clock that is an argument.

use super::*;

fn limits() -> Limits {
    Limits {
        tenant_per_second: 50,
        tenant_burst: 100,
        token_per_second: 20,
        token_burst: 40,
        failures_per_minute: 3,
        ..Limits::default()
    }
}

fn ids() -> (TenantId, TokenId, TokenId) {
    (TenantId::generate(), TokenId::generate(), TokenId::generate())
}

fn after(start: Instant, milliseconds: u64) -> Instant {
    start + Duration::from_millis(milliseconds)
}

/// The seconds of a refusal, and what it is about.
fn refused(result: Result<(), Failure>) -> (u64, String) {
    match result {
        Err(Failure::TooManyRequests { what, seconds }) => (seconds, what),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_burst_then_the_rate() {
    let rates = Rates::new(&Limits { token_per_second: 0, ..limits() });
    let (tenant, token, other) = ids();
    let start = Instant::now();
    for n in 0..100 {
        // Whichever token it is: the tenant is one.
        rates.admit_from(tenant, if n % 2 == 0 { token } else { other }, start).unwrap();
    }
    let (wait, what) = refused(rates.admit_from(tenant, token, start));
    assert_eq!((wait, what.as_str()), (1, "the tenant sends too many requests"));
    // What was refused is not billed: one request fits in after a fiftieth of a second, and not before.
    for _ in 0..1_000 {
        refused(rates.admit_from(tenant, token, after(start, 19)));
    }
    rates.admit_from(tenant, token, after(start, 20)).unwrap();
    refused(rates.admit_from(tenant, token, after(start, 20)));
    // Another tenant notices nothing.
    rates.admit_from(TenantId::generate(), token, start).unwrap();
    // It never holds more than a burst.
    let later = after(start, 3_600_000);
    for _ in 0..100 {
        rates.admit_from(tenant, token, later).unwrap();
    }
    refused(rates.admit_from(tenant, token, later));
}

#[test]
fn a_token_has_less_than_its_tenant() {
    let rates = Rates::new(&limits());
    let (tenant, token, other) = ids();
    let start = Instant::now();
    for _ in 0..40 {
        rates.admit_from(tenant, token, start).unwrap();
    }
    assert_eq!(refused(rates.admit_from(tenant, token, start)).1, "the token sends too many requests");
    // The refused ones were not billed to the tenant.
    for _ in 0..40 {
        refused(rates.admit_from(tenant, token, start));
        rates.admit_from(tenant, other, start).unwrap();
    }
    let third = TokenId::generate();
    for _ in 0..20 {
        rates.admit_from(tenant, third, start).unwrap();
    }
    assert_eq!(refused(rates.admit_from(tenant, third, start)).1, "the tenant sends too many requests");
}

#[test]
fn half_the_rate_is_never_refused() {
    let rates = Rates::new(&Limits { token_per_second: 50, token_burst: 100, ..limits() });
    let (tenant, token, _) = ids();
    let start = Instant::now();
    for n in 0..10_000 {
        rates.admit_from(tenant, token, after(start, n * 40)).unwrap();
    }
    // Nor is the rate itself.
    for n in 0..10_000 {
        rates.admit_from(tenant, token, after(start, 400_000 + n * 20)).unwrap();
    }
}

#[test]
fn operations_are_billed_as_debt() {
    let rates = Rates::new(&Limits { token_per_second: 0, ..limits() });
    let (tenant, token, _) = ids();
    let start = Instant::now();
    // A request of 100 operations empties a full bucket, and not more.
    rates.admit_from(tenant, token, start).unwrap();
    rates.bill_to(tenant, token, 98, start);
    rates.admit_from(tenant, token, start).unwrap();
    assert_eq!(refused(rates.admit_from(tenant, token, start)).0, 1);
    // A thousand are served with what is left of it; then the debt is paid first.
    let later = after(start, 60_000);
    rates.admit_from(tenant, token, later).unwrap();
    rates.bill_to(tenant, token, 999, later);
    assert_eq!(refused(rates.admit_from(tenant, token, later)).0, 19);
    refused(rates.admit_from(tenant, token, after(later, 18_019)));
    rates.admit_from(tenant, token, after(later, 18_020)).unwrap();
    refused(rates.admit_from(tenant, token, after(later, 18_020)));
}

#[test]
fn nothing_is_counted_without_a_limit() {
    let off = Limits { tenant_per_second: 0, token_per_second: 0, failures_per_minute: 0, ..limits() };
    let (rates, failures) = (Rates::new(&off), Failures::new(&off));
    let (tenant, token, _) = ids();
    let start = Instant::now();
    for _ in 0..1_000 {
        rates.admit_from(tenant, token, start).unwrap();
        rates.bill_to(tenant, token, 1_000, start);
        failures.count([192, 0, 2, 1].into(), start).unwrap();
    }
}

#[test]
fn tokens_at_rest_are_forgotten() {
    let rates = Rates::new(&limits());
    let (tenant, ..) = ids();
    let start = Instant::now();
    for n in 0..1_000 {
        rates.admit_from(tenant, TokenId::generate(), after(start, n * 50)).unwrap();
    }
    rates.of.with(tenant, start, |buckets| assert!(buckets.tokens.len() <= TOKENS));
}

#[test]
fn failures_are_counted_by_the_minute() {
    let failures = Failures::new(&limits());
    let start = Instant::now();
    let address = IpAddr::from([192, 0, 2, 1]);
    for _ in 0..3 {
        failures.count(address, start).unwrap();
    }
    assert_eq!(refused(failures.count(address, start)).0, 60);
    assert_eq!(refused(failures.count(address, after(start, 59_500))).0, 1);
    failures.count([192, 0, 2, 2].into(), start).unwrap();
    // The same address in another form.
    let mapped = IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201]);
    refused(failures.count(mapped, start));
    // What was refused prolongs nothing.
    for _ in 0..3 {
        failures.count(address, after(start, 60_000)).unwrap();
    }
    refused(failures.count(address, after(start, 60_000)));
}

#[test]
fn a_network_of_ipv6_is_one_address() {
    let failures = Failures::new(&limits());
    let start = Instant::now();
    let one = |host: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]);
    for host in 0..3 {
        failures.count(one(host), start).unwrap();
    }
    refused(failures.count(one(3), start));
    failures.count(IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 0]), start).unwrap();
}

#[test]
fn whoever_has_shown_too_much_that_was_wrong_gets_no_work_done() {
    let (failures, now) = (Failures::new(&limits()), Instant::now());
    let here: IpAddr = [10, 0, 0, 1].into();
    for _ in 0..3 {
        assert!(failures.admit(here, now).is_ok() && failures.admit(here, now).is_ok(), "asking is free");
        assert!(failures.count(here, now).is_ok());
    }
    assert!(failures.admit(here, now).is_err());
    assert!(failures.admit([10, 0, 0, 2].into(), now).is_ok());
    assert!(failures.admit(here, now + WINDOW).is_ok());
    let off = Failures::new(&Limits { failures_per_minute: 0, ..limits() });
    assert!(off.count(here, now).is_ok() && off.admit(here, now).is_ok());
}
