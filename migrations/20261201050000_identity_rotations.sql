-- Who made a key's present secret anew, and so knows it: they answer for a management key as whoever made it does.
set lock_timeout = '5s';

alter table identity.api_key add column rotated_by uuid;
