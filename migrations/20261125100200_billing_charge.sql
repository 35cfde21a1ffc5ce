-- Billing: what a usage comes to, computed a second time and independently of the services, so that any
-- charge can be checked from its row, its price version and its markup.
set lock_timeout = '5s';

-- The rate of each class for a prompt of this many tokens: of the tiers that apply the highest that lists the
-- class, else the base; then the fallbacks. Classes are in the order of `billing.price_version.base`.
create function billing.rates_for(base bigint[], tiers jsonb, prompt_tokens bigint) returns bigint[]
language plpgsql immutable parallel safe as $$
declare
    v_rates bigint[] := base;
    v_tier jsonb;
begin
    if jsonb_array_length(tiers) > 0 then
        for v_tier in
            select t.value from jsonb_array_elements(tiers) with ordinality t(value, place)
            where prompt_tokens > (t.value ->> 'above')::numeric
            order by (t.value ->> 'above')::numeric, t.place
        loop
            for v_class in 1 .. 10 loop
                v_rates[v_class] := coalesce((v_tier -> 'rates' ->> (v_class - 1))::bigint, v_rates[v_class]);
            end loop;
        end loop;
    end if;
    v_rates[1] := coalesce(v_rates[1], 0);
    v_rates[2] := coalesce(v_rates[2], v_rates[1]);
    v_rates[3] := coalesce(v_rates[3], v_rates[1]);
    v_rates[4] := coalesce(v_rates[4], v_rates[3]);
    v_rates[5] := coalesce(v_rates[5], 0);
    v_rates[6] := coalesce(v_rates[6], v_rates[5]);
    v_rates[7] := coalesce(v_rates[7], v_rates[1]);
    v_rates[8] := coalesce(v_rates[8], v_rates[5]);
    v_rates[9] := coalesce(v_rates[9], 0);
    v_rates[10] := coalesce(v_rates[10], 0);
    return v_rates;
end
$$;

-- Half-even to an integer.
create function billing.round_half_even(value numeric) returns numeric
language sql immutable strict parallel safe as $$
    select case
        when value - floor(value) > 0.5 then floor(value) + 1
        when value - floor(value) < 0.5 then floor(value)
        else floor(value) + mod(floor(value), 2)
    end
$$;

-- Nano-USD that `units` come to: exact products, one division, one rounding. Fails when it is out of range.
create function billing.charge(base bigint[], tiers jsonb, units bigint[], markup_bps integer) returns bigint
language plpgsql immutable parallel safe as $$
declare
    v_rates bigint[] := billing.rates_for(base, tiers, units[1] + units[2] + units[3] + units[4] + units[7]);
    v_picos numeric := 0;
begin
    for v_class in 1 .. 10 loop
        v_picos := v_picos + units[v_class]::numeric * v_rates[v_class];
    end loop;
    return billing.round_half_even(v_picos * (10000 + markup_bps) * 0.0000001)::bigint;
end
$$;
